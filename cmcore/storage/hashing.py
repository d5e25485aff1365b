"""SHA-256 of streams and of files while they are written, and the search for bytes that must not be stored.

Which files make a payload, and where they lie, is not known here.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cmcore.storage.errors import disk_errors

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

CHUNK_BYTES = 1 << 20


class ForbiddenFound(Exception):  # noqa: N818 # a finding for the caller to report, not an error of its own
    """A forbidden byte string occurs in a stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file as it was when its writer closed it."""

    sha256: str
    size: int
    mtime_ns: int


def digest_stream(read: Callable[[int], bytes], forbidden: Sequence[bytes] = ()) -> tuple[str, int]:
    """(hex digest, size) of everything that `read` gives; raises ForbiddenFound."""
    digest, size, tail = sha256(), 0, b""
    sought = [value for value in forbidden if value]
    overlap = max(map(len, sought), default=1) - 1
    while chunk := read(CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
        if sought:
            window = tail + chunk
            if any(value in window for value in sought):
                raise ForbiddenFound
            tail = window[-overlap:] if overlap else b""
    return digest.hexdigest(), size


def step_back(descriptor: int) -> os.stat_result:
    """Set a file's time of change back by 1 ns, so that any later write shows; its state after that.

    Two writes within one tick of the kernel's clock leave the same time, and a second write of the same size would
    go unseen (git calls this the racy entry). Hard links and files of other owners are left as they are.
    """
    before = os.fstat(descriptor)
    if before.st_nlink > 1:
        return before
    with suppress(PermissionError):
        os.utime(descriptor, ns=(before.st_atime_ns, before.st_mtime_ns - 1))
    return os.fstat(descriptor)


class HashingFile(io.FileIO):
    """A new file that is hashed while it is written, and reports itself when it is closed.

    Writers that seek (archives, columnar formats) are not followed: their files are hashed when they are sealed.
    """

    def __init__(self, path: Path, mode: str, closed: Callable[[Written | None], None]) -> None:
        self._digest = sha256()
        self._count = 0
        self._sequential = True
        self._path = str(path)
        self._report = closed
        super().__init__(self._path, mode)

    def write(self, data: ReadableBuffer, /) -> int:
        with disk_errors("write", self._path):
            count = super().write(data)
        if self._sequential:
            self._digest.update(memoryview(data).cast("B")[:count])
            self._count += count
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        before = self.tell()
        position = super().seek(offset, whence)
        self._sequential = self._sequential and position == before
        return position

    def truncate(self, size: int | None = None, /) -> int:
        self._sequential = False
        return super().truncate(size)

    def close(self) -> None:
        if self.closed:
            return
        written = None
        if self._sequential:
            state = step_back(self.fileno())
            written = Written(sha256=self._digest.hexdigest(), size=self._count, mtime_ns=state.st_mtime_ns)
        super().close()
        self._report(written)
