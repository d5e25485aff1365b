"""Components found by name: declarative specs in packages and projects, and import paths. Discovery is not here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from cmcore.components.code.reference import CodeRef
from cmcore.components.component import Component
from cmcore.components.spec import ComponentSpec
from cmcore.document.model import load
from cmcore.document.text import parse, read
from cmcore.document.wording import did_you_mean
from cmcore.errors import UsageError


def load_spec(resource: str) -> Component:
    """The component of a packaged spec, `package:component_specs/Name.yaml`; raises DocumentError, UsageError."""
    package, _, path = resource.partition(":")
    text = files(package).joinpath(path).read_bytes()
    spec = load(parse(text, file=resource), ComponentSpec)
    return Component(spec=spec, reference=resource)


def read_spec(path: Path) -> ComponentSpec:
    """The spec of a project's own `component_specs/<name>.yaml`; raises DocumentError."""
    return load(read(path), ComponentSpec)


def component_at(reference: str, known: Mapping[str, str]) -> Component:
    """The component that a document names: a known name, a packaged spec or `module:name`; raises UsageError.

    `known` maps names to packaged specs (`package:path.yaml`), to spec files or to import paths.
    """
    target = known.get(reference, reference)
    if ":" not in target and not target.endswith(".yaml"):
        raise UsageError(
            f"no component is named {reference!r}{did_you_mean(reference, known)}; "
            f"known: {', '.join(sorted(known)) or 'none'}; or write an import path, 'package.module:name'"
        )
    if target.endswith((".yaml", ".yml")):
        if Path(target).is_file():
            spec = read_spec(Path(target))
            return Component(spec=spec, reference=reference)
        return load_spec(target)
    found = CodeRef(target).load()
    if not isinstance(found, Component):
        raise UsageError(
            f"{reference!r} is {type(found).__name__} {found!r}, not a component; put @component above the function"
        )
    return found
