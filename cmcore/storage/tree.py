"""A folder on disk as the files of a payload: what counts, what is refused, and opening without leaving it.

Nothing here writes or hashes. A symbolic link counts as the file that it points to, if that lies in the same folder.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cmcore.errors import StorageError
from cmcore.storage.location import checked_name

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


@dataclass(slots=True)
class Tree:
    """Relative names of the files and sub-folders of a folder; folders come before what is in them.

    `links` are those of the files that are links to others.
    """

    root: str
    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    links: set[str] = field(default_factory=set)


def tree_of(root: str) -> Tree:
    """Everything in a folder; raises StorageError for what cannot be part of a payload, OSError from the disk."""
    tree = Tree(root)
    pending = [""]
    while pending:
        inside = pending.pop()
        with os.scandir(f"{root}/{inside}") as entries:
            for entry in entries:
                name = checked_name(inside + entry.name, root)
                if entry.is_dir(follow_symlinks=False):
                    tree.folders.append(name)
                    pending.append(name + "/")
                elif entry.is_file():
                    tree.files.append(name)
                    tree.links.update([name] if entry.is_symlink() else [])
                else:
                    raise _refusal(name, root, entry)
    return tree


def open_inside(root: str, name: str) -> int:
    """A descriptor of a regular file in a folder, opened for reading; `root` is a path without links in it.

    What was opened is what is checked, so that swapping a folder for a link meanwhile gains nothing.
    """
    path = f"{root}/{checked_name(name, root)}"
    if not stat.S_ISREG(Path(path).stat().st_mode):  # pipes and devices must not even be opened
        raise StorageError(f"{name!r} in {root!r} is not a regular file")
    descriptor = os.open(path, _READ)
    opened = str(Path(f"/proc/self/fd/{descriptor}").readlink())
    if not stat.S_ISREG(os.fstat(descriptor).st_mode) or not opened.startswith(root + "/"):
        os.close(descriptor)
        raise StorageError(f"{name!r} in {root!r} is a link to {opened!r}, outside: copy the file instead")
    return descriptor


def sized_names(root: str) -> Iterator[tuple[str, int]]:
    """(relative name, size) of everything below a folder, links not followed, nothing refused or opened."""
    pending = [""]
    while pending:
        inside = pending.pop()
        try:
            entries = list(os.scandir(f"{root}/{inside}"))
        except FileNotFoundError:  # deleted meanwhile
            continue
        for entry in entries:
            name = inside + entry.name
            if entry.is_dir(follow_symlinks=False):
                pending.append(name + "/")
                yield name, 0
            else:
                yield name, _size(entry)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0


def _refusal(name: str, root: str, entry: os.DirEntry[str]) -> StorageError:
    if entry.is_symlink():
        target = str(Path(entry.path).readlink())
        return StorageError(
            f"{name!r} in {root!r} is a link to {target!r}, which is no file: copy what it should show into the payload"
        )
    return StorageError(f"{name!r} in {root!r} is a pipe, socket or device: a payload holds regular files only")
