"""Installed distributions on disk: which there are, which one a file belongs to, and what identifies its content.

`importlib.metadata` parses every METADATA, which is ten times slower; folder names and RECORD files say enough.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cmcore.components.code.search import names_in
from cmcore.components.code.stamped import Look

SITE_FOLDERS = ("site-packages", "dist-packages")
METADATA_FOLDER = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)(-py[\d.]+)?\.(dist|egg)-info")
REQUIRED = re.compile(rb"^Requires-Dist:\s*([\w.-]+)(?!.*\bextra\s*==)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """One installed distribution; `name` is normalised, `folder` is its `.dist-info`."""

    name: str
    version: str
    folder: Path

    @property
    def record(self) -> Path:
        """The list of its files with their digests; not every installer writes one."""
        return self.folder / "RECORD"


def normalised(name: str) -> str:
    """A distribution's name as it is compared: lower case, with single hyphens."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions_in(entry: Path) -> dict[str, Distribution]:
    """The distributions of one folder of `sys.path` by name; an `.egg-info` counts only among installed ones."""
    found: dict[str, Distribution] = {}
    for name in sorted(names_in(entry)):
        match = METADATA_FOLDER.fullmatch(name) if name.endswith("-info") else None
        if match and ((match["name"] and name.endswith(".dist-info")) or entry.name in SITE_FOLDERS):
            key = normalised(match["name"])
            found[key] = Distribution(name=key, version=match["version"], folder=entry / name)
    return found


def owner(look: Look, entry: Path, relative: str) -> Distribution | None:
    """The distribution whose RECORD lists the file `relative` of this folder; None for a file of the project."""
    found = look.read(distributions_in, entry)
    likely = found.get(normalised(_top(relative)))
    if likely and look.read(_lists, likely.folder, relative):
        return likely
    return found.get(look.read(_search_records, entry, relative)) if found else None


def _search_records(entry: Path, relative: str) -> str:
    """The name of the distribution that lists a file, or nothing: for names that differ, as `sklearn` and `yaml` do."""
    found, top = distributions_in(entry), _top(relative).lower()
    likely_first = sorted(found, key=lambda name: (top not in name, name))
    return next((name for name in likely_first if _lists(found[name].folder, relative)), "")


def _lists(folder: Path, relative: str) -> bool:
    """Whether a distribution installed a file; without a RECORD (Debian's packages) the top-level names decide."""
    record, line = _content(folder / "RECORD"), relative.encode() + b","
    if not record:
        return _top(relative) in _content(folder / "top_level.txt").decode(errors="replace").split()
    return record.startswith(line) or b"\n" + line in record


def _top(relative: str) -> str:
    return relative.partition("/")[0].partition(".")[0]


def identity(look: Look, distribution: Distribution) -> str:
    """Version and digest of what is installed: `1.2.0+sha256:...`; a changed wheel of the same version differs."""
    if record := look.read(_record_digest, distribution.record):
        return f"{distribution.version}+sha256:{record}"
    described = (look.read(_record_digest, distribution.folder / name) for name in ("METADATA", "PKG-INFO"))
    return f"{distribution.version}+sha256:{next(filter(None, described), '')}"


def _record_digest(record: Path) -> str:
    """Blind to where and by which installer: no scripts, no bytecode, no notes of pip's or uv's."""
    lines = [
        line
        for line in _content(record).splitlines()
        if not line.startswith((b"../", b"/")) and b".dist-info/" not in line and not line.endswith(b",,")
    ]
    return hashlib.sha256(b"\n".join(sorted(lines))).hexdigest() if lines else ""


def required_by(look: Look, distribution: Distribution, entries: Iterable[Path]) -> list[Distribution]:
    """The installed distributions that this one declares to need, extras left aside."""
    metadata = _content(distribution.folder / "METADATA") or _content(distribution.folder / "PKG-INFO")
    wanted = {normalised(name.decode()) for name in REQUIRED.findall(metadata)}
    installed: dict[str, Distribution] = {}
    for entry in entries:
        installed = look.read(distributions_in, entry) | installed
    return [installed[name] for name in sorted(wanted & installed.keys())]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
