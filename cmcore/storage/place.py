"""Place: what this package needs of a disk or an object store; `disk` and `objects` are the two there are.

Names are checked, digests compared and garbage chosen elsewhere: a place only does what it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from cmcore.storage.hashing import Written
from cmcore.storage.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One file as a place shows it without reading it."""

    path: str
    size: int
    stamp: str


class Place(Protocol):
    """A disk or an object store; all URIs are absolute. Everything raises StorageError."""

    def check(self) -> None:
        """Make the root where it is missing and write to it once; raises StorageUnusableError with what to do."""
        ...

    def observe(self, uri: str) -> list[Observed]:
        """The files of a folder, or the one file that the URI names, in the order of their paths."""
        ...

    def reader(self, uri: str) -> Callable[[str], BinaryIO]:
        """What opens, by its path, a file that `observe` showed."""
        ...

    def read_manifest(self, uri: str) -> Manifest:
        """The manifest beside a payload; raises StorageError where it is missing or damaged."""
        ...

    def begin(self, uri: str) -> Path:
        """A new empty local folder to write the payload in; at most once per payload."""
        ...

    def seal(self, uri: str, folder: Path, *, written: Mapping[str, Written], forbidden: Sequence[bytes]) -> Manifest:
        """Hash and store what was written in the folder, durably, and the manifest after everything else."""
        ...

    def discard(self, uri: str, folder: Path) -> None:
        """Delete what was written in the folder."""
        ...

    def localise(self, uri: str, digest: str | None) -> Path:
        """The payload as a local path; copies are checked against the digest and kept."""
        ...

    def names(self) -> Iterator[tuple[str, int]]:
        """Everything under the root as (relative name, size in bytes); folders, where they exist, with size 0."""
        ...

    def remove(self, uri: str) -> None:
        """Delete a payload with its manifest, or a whole attempt; gone already is fine."""
        ...
