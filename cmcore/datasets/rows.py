"""How many rows a file has, where that can be told for sure while it is read. No table is parsed here."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Protocol

TAIL_BYTES = 1 << 20  # a Parquet footer that is longer is not looked at
MAGIC = b"PAR1"
NUM_ROWS = 3  # the field of Parquet's FileMetaData; version and schema come before it


def is_table(path: str) -> bool:
    """Whether a file should have rows, by the end of its name."""
    return not isinstance(counter_for(path), NoCounter)


class RowCounter(Protocol):
    """Is fed a file from beginning to end; then `rows` is the number of its rows, None where it is not sure."""

    @property
    def rows(self) -> int | None:
        """The count."""
        ...

    def feed(self, block: bytes) -> None:
        """The next bytes of the file."""
        ...


def counter_for(path: str) -> RowCounter:
    """What can count the rows of a file, by the end of its name."""
    match PurePosixPath(path).suffix.lower():
        case ".csv" | ".tsv":
            return LineCounter(header=1)
        case ".jsonl" | ".ndjson":
            return LineCounter(header=0)
        case ".parquet":
            return ParquetCounter()
        case _:
            return NoCounter()


class NoCounter:
    """Of a file whose rows nobody can tell."""

    rows: int | None = None

    def feed(self, block: bytes) -> None:
        """Nothing to learn."""


class LineCounter:
    """Lines less the header; not sure as soon as a quote occurs in a table, which may hide a line's end."""

    def __init__(self, *, header: int) -> None:
        self._header = header
        self._lines = 0
        self._last = b"\n"
        self._sure = True

    @property
    def rows(self) -> int | None:
        lines = self._lines + (self._last != b"\n")
        return max(0, lines - self._header) if self._sure else None

    def feed(self, block: bytes) -> None:
        if self._sure and block:
            self._sure = not (self._header and b'"' in block)
            self._lines += block.count(b"\n")
            self._last = block[-1:]


class ParquetCounter:
    """The number in the footer: Thrift's compact protocol, field 3 of FileMetaData."""

    def __init__(self) -> None:
        self._tail = b""

    @property
    def rows(self) -> int | None:
        length = int.from_bytes(self._tail[-8:-4], "little")
        if self._tail[-4:] != MAGIC or length + 8 > len(self._tail):
            return None
        try:
            return _Compact(self._tail[-8 - length : -8]).integer_field(NUM_ROWS)
        except (IndexError, ValueError, RecursionError):
            return None

    def feed(self, block: bytes) -> None:
        self._tail = (self._tail + block[-TAIL_BYTES:])[-TAIL_BYTES:]


class _Compact:
    """Thrift's compact protocol as far as one integer of a struct needs it."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def integer_field(self, wanted: int) -> int | None:
        """The integer under one number of the struct; what stands before it is skipped."""
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            if number == wanted:
                return self._zigzag()
            self._skip(head & 0x0F)
        return None

    def _byte(self) -> int:
        self._at += 1
        return self._content[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
        return value | byte << shift

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, kind: int) -> None:
        match kind:
            case 1 | 2:  # a boolean is in its own head
                pass
            case 3:
                self._at += 1
            case 4 | 5 | 6:
                self._varint()
            case 7:
                self._at += 8
            case 8:
                length = self._varint()
                self._at += length
            case 9 | 10:
                self._skip_list()
            case 12:
                self._skip_struct()
            case _:
                raise ValueError(f"kind {kind} does not occur in Parquet's footer before the rows")

    def _skip_list(self) -> None:
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        if count > len(self._content):
            raise ValueError(f"{count} entries in {len(self._content)} bytes")
        for _ in range(count):
            self._at += (head & 0x0F) in (1, 2)
            self._skip(head & 0x0F)

    def _skip_struct(self) -> None:
        while head := self._byte():
            if not head >> 4:
                self._zigzag()
            self._skip(head & 0x0F)
