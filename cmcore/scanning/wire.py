"""The fields of a Protocol Buffers message, read without its schema and without reading what is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cmcore.scanning.budget import Budget
from cmcore.scanning.source import Source

VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5
TEXT_MAX = 65_536
VARINT_MAX = 10
HEADER_MAX = 2 * VARINT_MAX
WINDOW_BYTES = 16_384


class NotAMessageError(ValueError):
    """These bytes are no message."""


class Field(NamedTuple):
    """One field: the value of a number, or where bytes lie."""

    number: int
    wire: int
    value: int
    start: int
    end: int


def fields(source: Source, start: int, end: int, budget: Budget) -> Iterator[Field]:
    """The fields between two offsets; raises NotAMessageError."""
    at, base, window = start, start, b""
    while at < end:
        if at - base + HEADER_MAX > len(window) and base + len(window) < end:
            budget.check_time()
            base, window = at, source.read(at, min(WINDOW_BYTES, end - at))
        try:
            field = _field(window, at - base, base)
        except IndexError as error:
            raise NotAMessageError("it ends in the middle of a field") from error
        if field.number == 0 or field.end > end:
            raise NotAMessageError(f"field {field.number} ends at {field.end}, the message at {end}")
        yield field
        at = field.end


def _field(window: bytes, at: int, base: int) -> Field:
    key, at = _varint(window, at)
    number, wire = key >> 3, key & 7
    if wire == VARINT:
        value, stop = _varint(window, at)
        return Field(number, wire, value, base + at, base + stop)
    if wire == BYTES:
        length, at = _varint(window, at)
    elif wire in (FIXED_64, FIXED_32):
        length = 8 if wire == FIXED_64 else 4
    else:
        raise NotAMessageError(f"wire type {wire}")
    return Field(number, wire, 0, base + at, base + at + length)


def text(source: Source, field: Field) -> str:
    """A field that holds text."""
    if field.wire != BYTES or field.end - field.start > TEXT_MAX:
        raise NotAMessageError(f"field {field.number} is no text")
    return source.read(field.start, field.end - field.start).decode("utf-8", "replace")


def _varint(window: bytes, at: int) -> tuple[int, int]:
    byte = window[at]
    if byte < 0x80:
        return byte, at + 1
    value = 0
    for index in range(VARINT_MAX):
        byte = window[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise NotAMessageError("a number without an end")
