"""The payloads that executors hold: an output that is written and sealed once, an input that is only read.

Both satisfy `cmcore.artifacts.Payload`; where the bytes are kept is the place's affair.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import IO

from cmcore.errors import StorageError
from cmcore.storage.errors import SecretFoundError, disk_errors
from cmcore.storage.hashing import HashingFile, Written
from cmcore.storage.location import checked_name
from cmcore.storage.manifest import Manifest
from cmcore.storage.place import Place
from cmcore.storage.tree import open_inside


class OutputPayload:
    """A folder to write in, by `open` (hashed on the way) or by any means under `path`; then `seal`."""

    def __init__(self, place: Place, uri: str) -> None:
        self.uri = uri
        self.path = place.begin(uri)
        self._place = place
        self._written: dict[str, Written] = {}
        self._open: set[str] = set()
        self._sealed = False

    def open(self, name: str, mode: str = "rb") -> IO[bytes] | IO[str]:
        path = self.path / checked_name(name, self.uri)
        if "r" in mode and "+" not in mode:
            return _reader(self.path.resolve(), name, mode, self.uri)
        if self._sealed:
            raise StorageError(f"{name!r} cannot be written: {self.uri!r} is sealed")
        with disk_errors("write", str(path)):
            self._prepare(name, path)
            self._written.pop(name, None)
            if "+" in mode or not {"w", "x"} & set(mode):
                return path.open(mode, encoding=None if "b" in mode else "utf-8")
            raw = HashingFile(path, "xb" if "x" in mode else "wb", lambda written: self._closed(name, written))
        self._open.add(name)
        return _stream(io.BufferedWriter(raw), mode)

    def seal(self, forbidden: Sequence[bytes] = ()) -> Manifest:
        """Make the payload durable and fixed; its manifest, written after everything else.

        Raises StorageError where that cannot be: a file still open or changing, a link that leaves the payload, a
        full disk. A file that holds one of the `forbidden` byte strings (as is, not compressed or encoded) ends in
        SecretFoundError, and the payload is deleted.
        """
        if self._sealed:
            raise StorageError(f"{self.uri!r} is sealed already")
        if self._open:
            raise StorageError(f"{min(self._open)!r} in {self.uri!r} is still open for writing: close it (use `with`)")
        try:
            manifest = self._place.seal(self.uri, self.path, written=self._written, forbidden=forbidden)
        except SecretFoundError:
            self.discard()
            raise
        self._sealed = True
        return manifest

    def discard(self) -> None:
        """Delete what was written: for an attempt that failed. What a killed one left on a disk is garbage."""
        self._place.discard(self.uri, self.path)

    def _closed(self, name: str, written: Written | None) -> None:
        self._open.discard(name)
        if written:
            self._written[name] = written

    def _prepare(self, name: str, path: Path) -> None:
        """Make the folders above a file, unless a link is in the way: names may come from somebody else's archive."""
        if "/" in name:
            path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or ("/" in name and not path.parent.resolve().is_relative_to(self.path.resolve())):
            raise StorageError(f"{name!r} in {self.uri!r} is, or lies behind, a link: remove the link first")


class InputPayload:
    """A payload of an earlier attempt, or imported data; a remote one is copied and checked at first use."""

    def __init__(self, place: Place, uri: str, digest: str | None) -> None:
        self.uri = uri
        self.digest = digest
        self._place = place

    @cached_property
    def path(self) -> Path:
        return self._place.localise(self.uri, self.digest)

    def open(self, name: str, mode: str = "rb") -> IO[bytes] | IO[str]:
        if mode not in ("r", "rb", "rt"):
            raise StorageError(f"{name!r} of the input {self.uri!r} cannot be opened as {mode!r}: use 'r' or 'rb'")
        real = self.path.resolve()
        return _reader(real.parent if real.is_file() else real, name, mode, self.uri)


def _reader(folder: Path, name: str, mode: str, uri: str) -> IO[bytes] | IO[str]:
    with disk_errors("read", f"{uri}/{name}"):
        return _stream(os.fdopen(open_inside(str(folder), name), "rb"), mode)


def _stream(binary: io.BufferedWriter | io.BufferedReader, mode: str) -> IO[bytes] | IO[str]:
    return binary if "b" in mode else io.TextIOWrapper(binary, encoding="utf-8")
