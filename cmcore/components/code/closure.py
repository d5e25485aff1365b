"""The digest of a component's code: the project files that it imports, and the distributions that these import.

By reading alone: no user code runs. Data files that code reads are inputs, not code, and do not count here.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from cmcore.components.code.defined import ANYTHING
from cmcore.components.code.imports import Walk
from cmcore.components.code.reference import CodeRef
from cmcore.components.code.source import read_source
from cmcore.components.code.stamped import Look, Stamp, unchanged
from cmcore.document.wording import did_you_mean
from cmcore.errors import UsageError

_digests: dict[tuple[object, ...], tuple[Mapping[Path, Stamp], CodeDigest]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeDigest:
    """What code consists of. `files` are digests by path below the searched folder, equal on every machine;
    `distributions` are `version+sha256:...` by name; `missing` are imports that lead nowhere, such as optional ones.

    `digest` covers files and distributions. `locations` say where the files were read, and are no part of the value.
    """

    digest: str
    files: Mapping[str, str]
    distributions: Mapping[str, str]
    missing: tuple[str, ...] = ()
    locations: Mapping[str, Path] = field(default_factory=dict, compare=False, repr=False)

    def document(self) -> dict[str, JsonValue]:
        """The value as JSON, for records."""
        return {
            "digest": self.digest,
            "files": dict(self.files),
            "distributions": dict(self.distributions),
            "missing": list(self.missing),
        }


def code_digest(ref: CodeRef, *, roots: Sequence[Path], path: Sequence[str] | None = None) -> CodeDigest:
    """The digest of all code that `ref` imports; raises UsageError where a file cannot be found or parsed.

    Project files are the modules under the roots, in editable installs and elsewhere on `path` (by default
    `sys.path`) that no distribution owns; the files of `cmcore` count only for references into `cmcore`. Imports
    count wherever they stand: in functions, in `try`, under TYPE_CHECKING, and as `import_module("literal")`.
    A distribution counts where such a file imports it; what it imports in turn does not. Where the reference itself
    lies in a distribution, those that it declares to require count too. Asked again, an answer is checked, not redone.
    """
    searched = tuple(sys.path if path is None else path)
    key = (ref.module, tuple(roots), searched, Path.cwd())
    known = _digests.get(key)
    if known is not None and unchanged(known[0]):
        return known[1]
    look = Look()
    found = _digested(Walk(look, roots, searched).follow(ref))
    if look.settled:
        _digests[key] = (look.stamps, found)
    return found


def check_defined(ref: CodeRef, digest: CodeDigest) -> None:
    """Raise UsageError where the reference's module is a project file whose text does not bind the name."""
    stem, name = ref.module.replace(".", "/"), ref.qualname.partition(".")[0]
    home = next((digest.locations[it] for it in (f"{stem}.py", f"{stem}/__init__.py") if it in digest.locations), None)
    defined = Look().read(read_source, home).defined if home else (ANYTHING,)
    if name not in defined and ANYTHING not in defined:
        raise UsageError(f"module {ref.module!r} ({home}) defines no {name!r}{did_you_mean(name, defined)}")


def _digested(walk: Walk) -> CodeDigest:
    files = {relative: walk.files[relative].digest for relative in sorted(walk.files)}
    distributions = dict(sorted(walk.distributions.items()))
    text = json.dumps([files, distributions], separators=(",", ":"))
    return CodeDigest(
        digest=f"sha256:{hashlib.sha256(text.encode()).hexdigest()}",
        files=files,
        distributions=distributions,
        missing=tuple(sorted(walk.missing)),
        locations=dict(walk.locations),
    )
