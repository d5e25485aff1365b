"""Putting a version into a folder: what has to be written there, what would be lost by it, and doing it.

What a folder holds is looked at first; nothing that no version has is overwritten unless that is asked for.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from cmcore.datasets.chunks import ChunkStore
from cmcore.datasets.inside import STAGING, Inside, inside
from cmcore.datasets.manifest import DataEntry, DataManifest
from cmcore.datasets.taking import Progress
from cmcore.errors import RefusedError, StorageError, UsageError
from cmcore.storage.errors import disk_errors
from cmcore.storage.hashing import digest_stream
from cmcore.storage.tree import open_inside

REASONS_SHOWN = 10
HOME = ".cm"
Held = tuple[str, str]
"""A path and the SHA-256 of what lies there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What lies at one path of a folder now; links and special files have no digest."""

    path: str
    digest: str = ""
    executable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """What a checkout has to do: paths to write, to keep, to remove; `lost` would be overwritten and is in no version;
    `strangers` are files that are in no version and stand in nobody's way."""

    write: tuple[DataEntry, ...]
    keep: tuple[str, ...]
    remove: tuple[str, ...]
    lost: tuple[str, ...]
    strangers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedOut:
    """What a checkout did; `strangers` were left where they are, so the folder is not exactly the version."""

    folder: Path
    written: int
    kept: int
    removed: int
    strangers: tuple[str, ...]


def steps(manifest: DataManifest, present: Sequence[Present], known: Set[Held]) -> Steps:
    """What must be done so that a folder holds a version; `known` is what the versions of its dataset hold, and where.

    A file is replaced or removed only where some version has this content at this path: copies that lie elsewhere,
    and empty files of which there are many, are somebody's. Pure.
    """
    wanted = {file.path: file for file in manifest.files}
    there = {found.path: found for found in present}
    same = {path for path, found in there.items() if path in wanted and _holds(found, wanted[path])}
    others = [found for path, found in there.items() if path not in wanted]
    return Steps(
        write=tuple(file for path, file in wanted.items() if path not in same),
        keep=tuple(path for path in wanted if path in same),
        remove=tuple(found.path for found in others if _is_known(found, known)),
        lost=tuple(
            path
            for path, found in there.items()
            if path in wanted and found.digest != wanted[path].sha256 and not _is_known(found, known)
        ),
        strangers=tuple(found.path for found in others if not _is_known(found, known)),
    )


def check_out(
    manifest: DataManifest,
    store: ChunkStore,
    folder: Path,
    *,
    known: Callable[[], Set[Held]],
    force: bool,
    progress: Progress,
) -> CheckedOut:
    """Make a folder hold a version. A new folder appears at once and whole; in one that is there, files are replaced
    one by one after all of them have been written aside. Killed, it goes on where it stopped when it is called again.

    `known` gives what all versions of the dataset hold. Raises RefusedError where something would be lost and `force`
    is not given, StorageError where the folder holds what a project keeps, or is part of it.
    """
    target = folder.parent.resolve() / folder.name if not folder.exists() else folder.resolve()
    if target.exists() and not target.is_dir():
        raise UsageError(f"{str(folder)!r} is a file; a version is checked out into a folder")
    refuse_kept(target, store.root.resolve(), folder)
    fresh = not target.exists()
    root = target.with_name(f".{target.name}.cm-{manifest_mark(manifest)}") if fresh else target
    with disk_errors("make the folder", str(root)):
        root.mkdir(parents=True, exist_ok=True)
    with inside(root) as place:
        present = list(present_in(root))
        todo = steps(manifest, present, known() if present else set())
        if not force and not fresh:
            refuse_loss(todo, folder)
        carry_out(todo, place, store, progress)
    if fresh:
        with disk_errors("make", str(target)):
            root.rename(target)
    return CheckedOut(
        folder=target,
        written=len(todo.write),
        kept=len(todo.keep),
        removed=len(todo.remove),
        strangers=todo.strangers,
    )


def refuse_kept(target: Path, kept: Path, folder: Path) -> None:
    """Raise StorageError where a checkout could reach what a project keeps."""
    if kept.is_relative_to(target) or target.is_relative_to(kept):
        raise StorageError(
            f"{str(folder)!r} holds the chunk store {str(kept)!r}, or lies in it: name a folder beside it"
        )
    if HOME in target.parts or (target / HOME).exists():
        raise StorageError(
            f"{str(folder)!r} holds the folder {HOME!r} in which a project keeps its state, or lies in one: name a "
            "folder inside the project, or beside it"
        )


def refuse_loss(todo: Steps, folder: Path) -> None:
    """Raise RefusedError that names what no version of the dataset has."""
    reasons = [f"{path} was changed, and no version has it as it is" for path in todo.lost]
    reasons += [f"{path} is in no version" for path in todo.strangers]
    if reasons:
        more = [f"... and {len(reasons) - REASONS_SHOWN} more"] if len(reasons) > REASONS_SHOWN else []
        raise RefusedError(
            f"{str(folder)!r} has files that no version of this dataset has. Snapshot them, choose another folder, or "
            "write --force: then changed files are overwritten, files of other versions are removed, and all others "
            "stay",
            reasons[:REASONS_SHOWN] + more,
        )


def carry_out(todo: Steps, place: Inside, store: ChunkStore, progress: Progress) -> None:
    """Write everything aside, verified; then remove and move in."""
    for file in todo.write:
        if place.is_staged(file.path, file.sha256):
            progress(file.size)
        else:
            stage(file, place, store, progress)
    for path in todo.remove:
        place.remove(path)
    for file in todo.write:
        place.move_in(file.path)


def stage(file: DataEntry, place: Inside, store: ChunkStore, progress: Progress) -> None:
    """Write one file aside; raises StorageError where what comes out is not what was snapshotted."""
    digest = sha256()
    with (
        place.staged(file.path, executable=file.executable) as descriptor,
        os.fdopen(descriptor, "wb", closefd=False) as out,
    ):
        for chunk in file.chunks:
            content = store.read(chunk)
            digest.update(content)
            out.write(content)
            progress(len(content))
        if digest.hexdigest() != file.sha256:
            raise StorageError(f"the chunks of {file.path!r} are whole, but make another file than was snapshotted")


def present_in(root: Path) -> Iterator[Present]:
    """Everything in a folder that is no folder; links are not followed."""
    pending = [""]
    while pending:
        above = pending.pop()
        with os.scandir(root / above) as entries:
            for entry in entries:
                path = above + entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending += [] if path == STAGING else [f"{path}/"]
                elif entry.is_file(follow_symlinks=False):
                    yield _found(root, path)
                else:
                    yield Present(path=path)


def manifest_mark(manifest: DataManifest) -> str:
    """What tells the unfinished folder of one version from that of another."""
    return sha256(manifest.encode()).hexdigest()[:12]


def _found(root: Path, path: str) -> Present:
    descriptor = open_inside(str(root), path)
    try:
        executable = bool(os.fstat(descriptor).st_mode & stat.S_IXUSR)
        return Present(path=path, digest=digest_stream(partial(os.read, descriptor))[0], executable=executable)
    finally:
        os.close(descriptor)


def _is_known(found: Present, known: Set[Held]) -> bool:
    return bool(found.digest) and (found.path, found.digest) in known


def _holds(found: Present, wanted: DataEntry) -> bool:
    return (found.digest, found.executable) == (wanted.sha256, wanted.executable)
