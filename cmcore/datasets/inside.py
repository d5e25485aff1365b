"""Inside: a folder that is written to without ever leaving it, whatever links somebody plants in it meanwhile.

Every name is looked up from an open folder and no link is followed; files are written aside and renamed into place.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path

from cmcore.errors import StorageError
from cmcore.storage.errors import disk_errors
from cmcore.storage.hashing import digest_stream
from cmcore.storage.location import checked_name

STAGING = ".cm-checkout"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Inside:
    """One folder, opened. Made by `inside`."""

    def __init__(self, root: Path, folder: int, staging: int) -> None:
        self.root = root
        self._folder = folder
        self._staging = staging

    def is_staged(self, path: str, digest: str) -> bool:
        """Whether an earlier try has written this file aside, whole."""
        try:
            descriptor = os.open(_aside(path), _READ, dir_fd=self._staging)
        except OSError:
            return False
        try:
            state = os.fstat(descriptor)
            own = stat.S_ISREG(state.st_mode) and state.st_nlink == 1
            return own and digest_stream(partial(os.read, descriptor))[0] == digest
        finally:
            os.close(descriptor)

    @contextmanager
    def staged(self, path: str, *, executable: bool) -> Iterator[int]:
        """A descriptor to write a file aside; nothing of it stays where the block raises."""
        name = _aside(path)
        with disk_errors("write", f"{self.root}/{path}"):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=self._staging)
            descriptor = os.open(name, _NEW, 0o777 if executable else 0o666, dir_fd=self._staging)
            try:
                yield descriptor
            except BaseException:
                os.unlink(name, dir_fd=self._staging)
                raise
            finally:
                os.close(descriptor)

    def move_in(self, path: str) -> None:
        """Give a file that was written aside its place; what stands there is replaced, a link itself included."""
        above, _, name = checked_name(path, str(self.root)).rpartition("/")
        with disk_errors("write", f"{self.root}/{path}"):
            folder = self._open(above, make=True)
            try:
                os.rename(_aside(path), name, src_dir_fd=self._staging, dst_dir_fd=folder)
            finally:
                os.close(folder)

    def remove(self, path: str) -> None:
        """Delete a file, then the folders above it that are empty now."""
        checked_name(path, str(self.root))
        with disk_errors("delete", f"{self.root}/{path}"):
            self._delete(path, os.unlink)
        with suppress(OSError):  # not empty
            while path := path.rpartition("/")[0]:
                self._delete(path, os.rmdir)

    def _delete(self, path: str, delete: Callable[..., None]) -> None:
        above, _, name = path.rpartition("/")
        folder = self._open(above, make=False)
        try:
            delete(name, dir_fd=folder)
        finally:
            os.close(folder)

    def _open(self, path: str, *, make: bool) -> int:
        """A descriptor of a folder in the root, every part of whose path is a real folder."""
        folder = os.dup(self._folder)
        for part in filter(None, path.split("/")):
            try:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=folder)
                inner = _opened(part, folder, f"{self.root}/{path}")
            finally:
                os.close(folder)
            folder = inner
        return folder


@contextmanager
def inside(root: Path) -> Iterator[Inside]:
    """Open a folder for writing; raises StorageError where another process does so at the same time."""
    with disk_errors("write to", str(root)):
        folder = os.open(root, _FOLDER)
        try:
            with suppress(FileExistsError):
                os.mkdir(STAGING, 0o700, dir_fd=folder)
            staging = _opened(STAGING, folder, f"{root}/{STAGING}")
            try:
                _lock(staging, root)
                yield Inside(root, folder, staging)
                with suppress(OSError):  # somebody left something there
                    os.rmdir(STAGING, dir_fd=folder)
            finally:
                os.close(staging)
        finally:
            os.close(folder)


def _lock(staging: int, root: Path) -> None:
    try:
        fcntl.flock(staging, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StorageError(f"another process writes to {str(root)!r} at this moment: wait for it to end") from error


def _opened(name: str, folder: int, where: str) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except NotADirectoryError as error:  # what O_NOFOLLOW says of links to folders, too
        raise StorageError(f"{name!r} in {where!r} is a link or a file where a folder is needed: remove it") from error


def _aside(path: str) -> str:
    return sha256(path.encode()).hexdigest()
