"""Whether a payload still holds what was sealed: what to compare, and the verdict in words.

Reading is left to the places; which payloads need a look is the cache's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from cmcore.storage.hashing import digest_stream
from cmcore.storage.manifest import FileEntry, Manifest
from cmcore.storage.place import Observed, Place

AUTO_LIMIT_BYTES = 64 << 20


class VerifyMode(StrEnum):
    """How closely a payload is looked at before it is used again."""

    AUTO = "auto"  # digests payloads below 64 MiB, trusts size and stamp above
    DIGEST = "digest"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a payload may be used; `reason` says what was looked at, or names the first file that differs."""

    ok: bool
    reason: str


def reads_content(mode: VerifyMode, manifest: Manifest) -> bool:
    """Whether the bytes are digested: always where there is no stamp to trust."""
    stamped = len(manifest.stamps) == len(manifest.files)
    return mode is VerifyMode.DIGEST or manifest.total_size < AUTO_LIMIT_BYTES or not stamped


def difference(manifest: Manifest, observed: Sequence[Observed], *, stamps: bool) -> str:
    """The first way in which the files that are there differ from those that were sealed; empty if none."""
    there = {file.path: file for file in observed}
    for index, entry in enumerate(manifest.files):
        found = there.pop(entry.path, None)
        if found is None:
            return f"{entry.path!r} is missing"
        if found.size != entry.size:
            return f"{entry.path!r} has {found.size} bytes, was sealed with {entry.size}"
        if stamps and found.stamp != manifest.stamps[index]:
            return f"{entry.path!r} was changed at {found.stamp}, was sealed at {manifest.stamps[index]}"
    return f"{min(there)!r} was not there when it was sealed" if there else ""


def digested(place: Place, uri: str, observed: Iterable[Observed]) -> Manifest:
    """The manifest of what is there now, by reading all of it."""
    reader = place.reader(uri)
    return Manifest.of((_entry(reader, file.path), file.stamp) for file in observed)


def damage(place: Place, uri: str, manifest: Manifest) -> str:
    """The first file whose bytes are not those that were sealed; empty if none."""
    reader = place.reader(uri)
    for entry in manifest.files:
        found = _entry(reader, entry.path)
        if found != entry:
            return f"{entry.path!r} has sha256 {found.sha256}, was sealed with {entry.sha256}"
    return ""


def _entry(reader: Callable[[str], BinaryIO], path: str) -> FileEntry:
    with reader(path) as stream:
        digest, size = digest_stream(stream.read)
    return FileEntry(path=path, size=size, sha256=digest)
