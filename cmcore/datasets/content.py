"""The files of a version as streams, put together from its chunks; every chunk is verified when it is read."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO, cast

from cmcore.datasets.chunks import ChunkStore
from cmcore.datasets.file import DataFile
from cmcore.datasets.manifest import DataEntry, DataManifest

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def files_in(manifest: DataManifest, store: ChunkStore) -> tuple[DataFile, ...]:
    """The files of a version."""
    return tuple(
        DataFile(path=file.path, size=file.size, executable=file.executable, open=partial(opened, file, store))
        for file in manifest.files
    )


def opened(file: DataEntry, store: ChunkStore) -> BinaryIO:
    """One file as a stream that can seek; reading raises StorageError where a chunk is lost or damaged."""
    return cast(BinaryIO, io.BufferedReader(_Chunked(file, store), 1 << 16))


class _Chunked(io.RawIOBase):
    """The bytes of a file; one chunk is in memory at a time."""

    def __init__(self, file: DataEntry, store: ChunkStore) -> None:
        self._file, self._store = file, store
        self._starts = [0, *accumulate(chunk.size for chunk in file.chunks)]
        self._at = 0
        self._number, self._content = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._file.size}[whence]
        if base + offset < 0:
            raise ValueError(f"a file has no place {base + offset}")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        if self._at >= self._file.size:
            return 0
        number = bisect_right(self._starts, self._at) - 1
        if number != self._number:
            self._content, self._number = self._store.read(self._file.chunks[number]), number
        start = self._at - self._starts[number]
        view = memoryview(buffer).cast("B")
        piece = self._content[start : start + len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
