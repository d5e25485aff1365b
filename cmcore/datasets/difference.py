"""What differs between two lists of files: added, removed, changed and renamed files, rows, and bytes shared. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from pydantic import JsonValue

from cmcore.datasets.manifest import DataEntry, DataManifest


class Change(StrEnum):
    """What became of a file."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file that is not as it was; sizes and rows before and after, `old_path` where it was renamed."""

    change: Change
    path: str
    old_path: str = ""
    size: int = 0
    old_size: int = 0
    rows: int | None = None
    old_rows: int | None = None

    @property
    def more_rows(self) -> int | None:
        """Rows that were added, less than nothing where some were removed; None where that is not known."""
        return None if self.rows is None or self.old_rows is None else self.rows - self.old_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Everything between two lists of files; `shared` are bytes of the second whose chunks the first has too."""

    changes: tuple[FileChange, ...]
    same: int
    size: int
    old_size: int
    shared: int

    @property
    def shared_percent(self) -> float:
        """How much of the second need not be stored again."""
        return 100.0 * self.shared / self.size if self.size else 100.0

    def count(self, change: Change) -> int:
        """How many files changed so."""
        return sum(each.change is change for each in self.changes)

    def document(self) -> dict[str, JsonValue]:
        """The difference as JSON."""
        changes: list[JsonValue] = [{**asdict(each), "change": each.change.value} for each in self.changes]
        return {
            "changes": changes,
            "same": self.same,
            "size": self.size,
            "old_size": self.old_size,
            "shared": self.shared,
            "shared_percent": round(self.shared_percent, 2),
        }


def difference(old: DataManifest, new: DataManifest) -> Difference:
    """What became of the files of `old` in `new`, in the order of paths."""
    before = {file.path: file for file in old.files}
    after = {file.path: file for file in new.files}
    moved = _renamed(
        [file for path, file in before.items() if path not in after],
        [file for path, file in after.items() if path not in before],
    )
    gone = {source.path for source in moved.values()}
    changes = [
        *(_changed(before[path], file) for path, file in after.items() if path in before and before[path] != file),
        *(_added(file, moved.get(path)) for path, file in after.items() if path not in before),
        *(_removed(file) for path, file in before.items() if path not in after and path not in gone),
    ]
    known = {chunk.sha256 for chunk in old.chunks()}
    return Difference(
        changes=tuple(sorted((it for it in changes if it), key=lambda change: change.path)),
        same=sum(path in before and _same(before[path], file) for path, file in after.items()),
        size=new.size,
        old_size=old.size,
        shared=sum(chunk.size for chunk in new.chunks() if chunk.sha256 in known),
    )


def _same(one: DataEntry, other: DataEntry) -> bool:
    return (one.sha256, one.executable) == (other.sha256, other.executable)


def _renamed(gone: Sequence[DataEntry], come: Sequence[DataEntry]) -> Mapping[str, DataEntry]:
    """New path to the old file with the same bytes, each used once; empty files are all alike and never renamed."""
    sources: dict[str, list[DataEntry]] = {}
    for file in reversed(gone):
        sources.setdefault(file.sha256, []).append(file)
    return {file.path: sources[file.sha256].pop() for file in come if file.size and sources.get(file.sha256)}


def _changed(old: DataEntry, new: DataEntry) -> FileChange | None:
    if _same(old, new):
        return None
    return FileChange(
        change=Change.CHANGED, path=new.path, size=new.size, old_size=old.size, rows=new.rows, old_rows=old.rows
    )


def _added(file: DataEntry, source: DataEntry | None) -> FileChange:
    if source is None:
        return FileChange(change=Change.ADDED, path=file.path, size=file.size, rows=file.rows)
    return FileChange(
        change=Change.RENAMED,
        path=file.path,
        old_path=source.path,
        size=file.size,
        old_size=source.size,
        rows=file.rows,
        old_rows=source.rows,
    )


def _removed(file: DataEntry) -> FileChange:
    return FileChange(change=Change.REMOVED, path=file.path, old_size=file.size, old_rows=file.rows)
