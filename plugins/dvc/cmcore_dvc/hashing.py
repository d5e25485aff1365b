"""MD5 as DVC takes it, and streams that check it while they are read.

DVC 2 took it of text with the line ends of Unix: of blocks of 1 MiB, each looked at by itself.
"""

from __future__ import annotations

import hashlib
import io
import os
from typing import TYPE_CHECKING

from cmcore.errors import StorageError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK_BYTES = 1 << 20
LOOKED_AT_BYTES = 512
TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
TEXT_SHARE_MIN = 0.7


class Md5:
    """The MD5 of bytes; `unix` is the one with which DVC 2 names text files."""

    def __init__(self) -> None:
        self._plain = hashlib.md5(usedforsecurity=False)
        self._unix = hashlib.md5(usedforsecurity=False)
        self._block = b""

    def update(self, content: bytes) -> None:
        """The next bytes."""
        self._plain.update(content)
        self._block += content
        while len(self._block) >= BLOCK_BYTES:
            self._unix.update(with_unix_line_ends(self._block[:BLOCK_BYTES]))
            self._block = self._block[BLOCK_BYTES:]

    @property
    def plain(self) -> str:
        """Of the bytes as they are."""
        return self._plain.hexdigest()

    @property
    def unix(self) -> str:
        """As DVC 2 takes it."""
        whole = self._unix.copy()
        whole.update(with_unix_line_ends(self._block))
        return whole.hexdigest()


def with_unix_line_ends(block: bytes) -> bytes:
    """A block of text with the line ends of Unix; other blocks as they are."""
    start = block[:LOOKED_AT_BYTES]
    share = 1 - len(start.translate(None, TEXT)) / max(1, len(start))
    return block.replace(b"\r\n", b"\n") if b"\0" not in start and share >= TEXT_SHARE_MIN else block


class CheckedFile(io.RawIOBase):
    """A file that is read from beginning to end; its end raises StorageError where the MD5 is another one."""

    def __init__(self, descriptor: int, expected: str, name: str, *, either: bool) -> None:
        self._descriptor = descriptor
        self._expected, self._name, self._either = expected, name, either
        self._md5 = Md5()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        content = os.read(self._descriptor, len(memoryview(buffer).cast("B")))
        memoryview(buffer).cast("B")[: len(content)] = content
        self._md5.update(content)
        if not content:
            self._check()
        return len(content)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def _check(self) -> None:
        if self._expected not in (self._md5.plain, self._md5.unix if self._either else self._md5.plain):
            raise StorageError(
                f"{self._name!r} is damaged: DVC recorded the MD5 {self._expected}, found {self._md5.plain}. Fetch it "
                "again: dvc pull --force"
            )
