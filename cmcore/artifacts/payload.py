"""What an artifact needs of the place where its bytes lie; the places themselves are in `cmcore.storage`."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol

from cmcore.errors import StorageError


class Payload(Protocol):
    """The bytes behind one artifact: a folder with a URI."""

    @property
    def uri(self) -> str:
        """Where the folder lies, as recorded: an absolute path's file URL or an fsspec URL."""
        ...

    @property
    def path(self) -> Path:
        """The folder as a local path: itself, a verified local copy, or where an output is written."""
        ...

    def open(self, name: str, mode: str = "rb") -> IO[Any]:
        """One file of the folder as a stream of bytes, or of str without a `b` in the mode; `name` is relative and may
        not leave the folder."""
        ...


class LocalFolder:
    """A folder of this machine as a payload: for tests, notebooks and plain calls outside a run."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def uri(self) -> str:
        return self.path.as_uri()

    def open(self, name: str, mode: str = "rb") -> IO[Any]:
        target = self.path / name
        try:
            if not target.resolve().is_relative_to(self.path.resolve()):
                raise self._outside(name)
            if "r" not in mode:
                target.parent.mkdir(parents=True, exist_ok=True)
            opener = partial(self._opened, name)  # which Path.open does not take
            return open(target, mode, encoding=None if "b" in mode else "utf-8", opener=opener)
        except (OSError, ValueError, RuntimeError) as error:  # pathlib raises the last for links in a circle
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise StorageError(f"{name[:200]!a} of the artifact at {self.path} cannot be opened: {reason}") from error

    def _opened(self, name: str, path: str, flags: int) -> int:
        """A descriptor of a file inside. What was opened is what is checked, so that swapping it for a link meanwhile
        gains nothing; what is written to is opened from its folder, and is no link."""
        flags |= os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC  # or a pipe would be waited for
        if flags & os.O_ACCMODE == os.O_RDONLY:
            return self._checked(name, os.open(path, flags), stat.S_ISREG)
        above, _, last = path.rpartition("/")
        folder = self._checked(name, os.open(above, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), stat.S_ISDIR)
        try:
            return self._checked(name, os.open(last, flags | os.O_NOFOLLOW, 0o666, dir_fd=folder), stat.S_ISREG)
        finally:
            os.close(folder)

    def _checked(self, name: str, descriptor: int, expected: Callable[[int], bool]) -> int:
        root, real = str(self.path.resolve()), str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if expected(os.fstat(descriptor).st_mode) and (real == root or real.startswith(root + "/")):
            return descriptor
        os.close(descriptor)
        raise self._outside(name)

    def _outside(self, name: str) -> StorageError:
        return StorageError(f"{name[:200]!a} lies outside the artifact at {self.path}, or is no file")
