"""The operations of the pickle machine as a table, taken from `pickletools`; and the reading of their arguments.

What an operation does is `pickles`' affair.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass
from typing import IO

TEXT_MAX = 4096


class StopError(Exception):
    """The unpickler would raise here."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One opcode: how its argument is written, and what it takes from the stack and leaves there."""

    name: str
    argument: int | None  # length in bytes, or a kind of length as pickletools numbers them
    lines: int
    before: tuple[str, ...]
    after: tuple[str, ...]


def _operation(code: pickletools.OpcodeInfo) -> Operation:
    lines = 0
    if code.arg and code.arg.n == pickletools.UP_TO_NEWLINE:
        lines = 2 if code.arg.name == "stringnl_noescape_pair" else 1
    return Operation(
        name=code.name,
        argument=code.arg.n if code.arg else None,
        lines=lines,
        before=tuple(each.name for each in code.stack_before),
        after=tuple(each.name for each in code.stack_after),
    )


OPERATIONS = {ord(code.code): _operation(code) for code in pickletools.opcodes}
PROTOCOL_MAX = max(code.proto for code in pickletools.opcodes)
TEXTS = {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"}
NUMBERS = {"INT", "LONG", "FLOAT"}  # written as texts, which the unpickler checks
SINGLES = {*NUMBERS, "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "NONE", "NEWTRUE", "NEWFALSE"}
CALLS = {"REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST"}
CHANGES = {"BUILD", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS"}
MEMO_PUTS, MEMO_GETS = {"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"}, {"GET", "BINGET", "LONG_BINGET"}

_LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


class Reader:
    """Reads operations from a stream and never more of an argument than names need."""

    def __init__(self, stream: IO[bytes], start: int, size: int) -> None:
        self._stream, self._size = stream, size
        stream.seek(start)

    @property
    def at(self) -> int:
        """The offset of what is read next."""
        return min(self._stream.tell(), self._size)

    def next(self) -> tuple[int, Operation, bytes]:
        """The next opcode, its operation and argument: empty where it is longer than any name."""
        code = self._bytes(1)[0]
        operation = OPERATIONS.get(code)
        if operation is None:
            raise StopError
        return code, operation, self._argument(operation)

    def _argument(self, operation: Operation) -> bytes:
        if operation.argument is None:
            return b""
        if operation.lines:
            return b"\n".join(self._line() for _ in range(operation.lines))
        if operation.argument >= 0:
            return self._bytes(operation.argument)
        signed = operation.argument == pickletools.TAKEN_FROM_ARGUMENT4
        length = int.from_bytes(self._bytes(_LENGTHS[operation.argument]), "little", signed=signed)
        at = self._stream.tell()
        if length < 0 or at + length > self._size:
            raise StopError
        if operation.name in TEXTS and length <= TEXT_MAX:
            return self._bytes(length)
        self._stream.seek(at + length)
        return b""

    def _bytes(self, count: int) -> bytes:
        found = self._stream.read(count)
        if len(found) < count or self._stream.tell() > self._size:
            raise StopError
        return found

    def _line(self) -> bytes:
        """The rest of a line; of a very long one only the beginning."""
        line = part = self._stream.readline(TEXT_MAX)
        while not part.endswith(b"\n"):
            if not part:
                raise StopError
            part = self._stream.readline(TEXT_MAX)
        return line.removesuffix(b"\n")


def number(argument: bytes, operation: Operation) -> int:
    """An argument that is a number."""
    return int(argument) if operation.lines else int.from_bytes(argument, "little")
