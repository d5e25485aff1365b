"""Compressed streams: what joblib, gzip, bzip2 and xz write, expanded a piece at a time."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from cmcore.scanning.budget import MIB, DamagedError
from cmcore.scanning.source import Source

PIECE_BYTES = MIB // 4
PEEK_BYTES = 512
MEMORY_MAX = 48 * MIB
ZLIB = re.compile(rb"[\x08\x18\x28\x38\x48\x58\x68\x78][\x00-\xff]", re.DOTALL)


class Decoder(Protocol):
    """What the standard library's decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class Zlib:
    """zlib's decompressor with the others' interface."""

    def __init__(self, window_bits: int) -> None:
        self._decoder = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._decoder.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._decoder.decompress(self._decoder.unconsumed_tail + data, max(0, max_length))


DECODERS: dict[str, Callable[[], Decoder]] = {
    "gzip": lambda: Zlib(zlib.MAX_WBITS | 16),
    "zlib": lambda: Zlib(zlib.MAX_WBITS),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY_MAX),
    "lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, MEMORY_MAX),
}
OPENINGS = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\0", "lzma": b"\x5d\0"}
ERRORS = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


def compression(source: Source) -> str:
    """How it is compressed; empty if it is not. zlib has no magic number: it is tried."""
    for name, opening in OPENINGS.items():
        if source.head.startswith(opening):
            return name if name != "lzma" or _expands(source.head, name) else ""
    head = source.head
    header = ZLIB.match(head) and int.from_bytes(head[:2], "big") % 31 == 0
    return "zlib" if header and _expands(head, "zlib") else ""


def _expands(head: bytes, name: str) -> bool:
    try:
        return bool(DECODERS[name]().decompress(head, PEEK_BYTES))
    except ERRORS:
        return False


def expanded(source: Source, name: str) -> Iterator[bytes]:
    """What comes out, one stream after the other; raises DamagedError after the last piece that did come out."""
    pieces = (source.read(at, PIECE_BYTES) for at in range(0, source.size, PIECE_BYTES))
    data = next(pieces, b"")
    try:
        while _begins(name, data):
            decoder = DECODERS[name]()
            while not decoder.eof:
                data = data or (next(pieces, b"") if decoder.needs_input else b"")
                if piece := decoder.decompress(data, PIECE_BYTES):
                    yield piece
                elif not data:
                    raise DamagedError(f"{name} data that ends early")
                data = b""
            data = _unpadded(decoder.unused_data, pieces)
    except ERRORS as error:
        raise DamagedError(f"{name} data that cannot be expanded ({error})") from error


def _begins(name: str, data: bytes) -> bool:
    opening = OPENINGS.get(name)
    return data.startswith(opening) if opening else bool(ZLIB.match(data))


def _unpadded(data: bytes, pieces: Iterator[bytes]) -> bytes:
    """What follows a stream; zeros between two of them are passed over."""
    while not (data := data.lstrip(b"\0")):
        try:
            data = next(pieces)
        except StopIteration:
            break
    return data
