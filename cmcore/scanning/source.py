"""Source: bytes to be looked at, a file's or those of a part of a file, always seekable, never all in memory."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from cmcore.scanning.budget import MIB, Budget

IN_MEMORY_BYTES = 4 * MIB
HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`name` is where it stands in the file (`a.zip!b`), empty for the file itself; `file_name` is its last part.

    `fresh` says that nobody has searched these bytes yet: a window on bytes that were searched is not.
    """

    name: str
    file_name: str
    stream: IO[bytes]
    size: int
    depth: int = 0
    fresh: bool = True

    @property
    def head(self) -> bytes:
        """The first few kilobytes."""
        return self.read(0, HEAD_BYTES)

    def read(self, offset: int, count: int) -> bytes:
        """Bytes from an offset; fewer at the end."""
        self.stream.seek(offset)
        return self.stream.read(max(0, min(count, self.size - offset)))

    def window(self, name: str, offset: int, size: int) -> Source:
        """A part of these bytes as a source of its own."""
        stream = io.BufferedReader(Window(self.stream, offset, max(0, min(size, self.size - offset))))
        return self._inner(name, stream, max(0, min(size, self.size - offset)), fresh=False)

    @contextmanager
    def expanded(self, name: str, chunks: Iterable[bytes], budget: Budget) -> Iterator[Source]:
        """What comes out of a compressed part, in memory or, if it is large, in a temporary file without a name."""
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as stream:
            size = 0
            for chunk in chunks:
                budget.expand(len(chunk))
                stream.write(chunk)
                size += len(chunk)
            yield self._inner(name, stream, size, fresh=True)

    def _inner(self, name: str, stream: IO[bytes], size: int, *, fresh: bool) -> Source:
        return Source(
            name=f"{self.name}!{name}" if self.name else name,
            file_name=name.replace("\\", "/").rpartition("/")[2],
            stream=stream,
            size=size,
            depth=self.depth + 1,
            fresh=fresh,
        )


class Window(io.RawIOBase):
    """A read-only view on a part of another stream."""

    def __init__(self, stream: IO[bytes], offset: int, size: int) -> None:
        self._stream, self._offset, self._size, self._at = stream, offset, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # as io's own subclasses
        self._stream.seek(self._offset + self._at)
        found = self._stream.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)
