"""skops archives: a JSON tree of types and where their arrays lie. skops itself asks before it imports a type.

Which types the tree names is told, so that people can decide; what no model needs is refused.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from cmcore.scanning.budget import MIB
from cmcore.scanning.finding import Danger, Peril
from cmcore.scanning.gadgets import is_data
from cmcore.scanning.source import Source

SCHEMA_FILE = "schema.json"
SCHEMA_MAX = 32 * MIB
KNOWN = ("sklearn", "numpy", "scipy", "builtins", "collections")
TYPES_MAX = 10_000
TYPES_TOLD = 8


def looked(source: Source) -> Iterator[Peril | str]:
    """Perils, and notes for people, of a `schema.json` that may be skops's."""
    if source.size > SCHEMA_MAX:
        yield Peril(danger=Danger.HOSTILE, what=f"a schema of {source.size} bytes")
        return
    types: set[tuple[str, str]] = set()
    try:
        json.loads(source.read(0, source.size), object_pairs_hook=lambda pairs: _note(dict(pairs), types))
    except (ValueError, RecursionError):
        yield Peril(danger=Danger.HOSTILE, what="a schema that cannot be read")
        return
    for module, name in sorted(types):
        if module.partition(".")[0] in sys.stdlib_module_names and not is_data(module, name):
            yield Peril(danger=Danger.CODE, what=f"a skops file that names {module}.{name}"[:300])
    others = [f"{module}.{name}" for module, name in sorted(types) if module.partition(".")[0] not in KNOWN]
    if others:
        more = f" and {len(others) - TYPES_TOLD} more" if len(others) > TYPES_TOLD else ""
        yield f"whoever loads it must trust {', '.join(others[:TYPES_TOLD])}{more}"


def _note(node: dict[str, object], types: set[tuple[str, str]]) -> None:
    """Note the type that a node names; nothing of the tree is kept."""
    module, name = node.get("__module__"), node.get("__class__")
    if isinstance(module, str) and isinstance(name, str) and len(types) < TYPES_MAX:
        types.add((module, name))
