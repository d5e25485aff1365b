"""What an artifact needs of the place where its bytes lie; the places themselves are in `cmcore.storage`."""

from __future__ import annotations

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
        if not target.resolve().is_relative_to(self.path.resolve()):
            raise StorageError(f"{name!r} lies outside the artifact at {self.path}")
        if "r" not in mode:
            target.parent.mkdir(parents=True, exist_ok=True)
        return target.open(mode, encoding=None if "b" in mode else "utf-8")
