"""A folder, or one file, of this machine as the files of a version. The same files count as in a payload."""

from __future__ import annotations

import os
import stat
from functools import partial
from pathlib import Path
from typing import BinaryIO

from cmcore.datasets.file import DataFile
from cmcore.errors import NotFoundError
from cmcore.storage.errors import disk_errors
from cmcore.storage.tree import open_inside, tree_of


def files_of(path: Path) -> tuple[DataFile, ...]:
    """The files of a folder, or the one that the path names; raises StorageError for what cannot be in a version."""
    root, names = _place(path)
    return tuple(_file(root, name) for name in names)


def look_of(path: Path) -> list[tuple[str, int, int]]:
    """What would differ if somebody wrote to the folder meanwhile."""
    root, names = _place(path)
    with disk_errors("read", root):
        states = [(name, Path(root, name).stat()) for name in names]
    return [(name, state.st_size, state.st_mtime_ns) for name, state in states]


def _place(path: Path) -> tuple[str, list[str]]:
    real = path.resolve()
    if not real.exists():
        raise NotFoundError(f"there is no {str(path)!r}; give a folder, or a file")
    with disk_errors("read", str(real)):
        return (str(real.parent), [real.name]) if real.is_file() else (str(real), sorted(tree_of(str(real)).files))


def _file(root: str, name: str) -> DataFile:
    with disk_errors("read", f"{root}/{name}"):
        state = Path(root, name).stat()
    return DataFile(
        path=name,
        size=state.st_size,
        executable=bool(state.st_mode & stat.S_IXUSR),
        open=partial(_opened, root, name),
    )


def _opened(root: str, name: str) -> BinaryIO:
    with disk_errors("read", f"{root}/{name}"):
        return os.fdopen(open_inside(root, name), "rb")
