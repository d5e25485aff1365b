"""Pickles, found by following their operations as the unpickler would, without carrying any of them out.

A pickle is a program: what it imports and calls happens while it is read, also if what follows is nonsense. So bytes
count as a pickle as soon as their beginning would import something and use it, or is a whole pickle of any kind.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from enum import Enum
from typing import IO

from cmcore.scanning.budget import Budget
from cmcore.scanning.opcodes import (
    CALLS,
    CHANGES,
    MEMO_GETS,
    MEMO_PUTS,
    NUMBERS,
    PROTOCOL_MAX,
    SINGLES,
    TEXTS,
    Operation,
    Reader,
    StopError,
    number,
)

STEPS_MAX = 300_000
STEPS_MIN = 3  # fewer are seen by chance
IMPORTABLE = re.compile(r"""[^\s()<>:;,'"/\\]+""")
INTEGER = re.compile(rb"\s*[+-]?[0-9][0-9a-fxob_]*L?\s*", re.IGNORECASE)  # in any base, as C reads it
BLANK = b"\0\r\n\t "
IMPORTS_MAX = 10_000
NAMES_TOLD = 4


class Thing(Enum):
    """What lies on the unpickler's stack, as far as it matters; texts lie there as themselves.

    A SINGLE thing (None, a number) cannot be the arguments of a call.
    """

    MARK = "mark"
    SINGLE = "single"
    OTHER = "other"


Item = Thing | str


@dataclass(slots=True)
class Trace:
    """What an unpickler would do from one offset on: import `imports` and, if `acted`, call or change one of them.

    `complete` says that it ends properly, at `end`; `binary` that some operation is no printable character, `declared`
    that the first one names the protocol.
    """

    start: int
    end: int = 0
    steps: int = 0
    imports: list[tuple[str, str]] = field(default_factory=list)
    acted: bool = False
    complete: bool = False
    binary: bool = False
    declared: bool = False

    def is_pickle(self, tail: bytes) -> bool:
        """Whether these are bytes that must not be unpickled; `tail` is what follows them in the file."""
        if self.acted or (self.imports and self.binary):
            return True
        if self.steps < STEPS_MIN:
            return False
        return self.declared or (self.complete and not tail.strip(BLANK))

    @property
    def told(self) -> str:
        """What it imports, for people."""
        names = list(dict.fromkeys(f"{module}.{name}" for module, name in self.imports))
        rest = len(names) - NAMES_TOLD
        more = f" and {rest} more" if rest > 0 else ""
        return f"a pickle that imports {', '.join(names[:NAMES_TOLD])}{more}" if names else "a pickle"


def traced(stream: IO[bytes], start: int, size: int, budget: Budget, *, steps_max: int = STEPS_MAX) -> Trace:
    """Follow a pickle from an offset to its end, to where the unpickler would raise, or for so many operations."""
    machine = Machine(start)
    reader = Reader(stream, start, size)
    try:
        while machine.trace.steps < steps_max and not machine.trace.complete:
            machine.step(*reader.next())
    except (StopError, ValueError, IndexError):
        pass
    machine.trace.end = reader.at
    budget.step(machine.trace.steps + 1)
    return machine.trace


class Machine:
    """The pickle machine with the values left out; raises StopError, ValueError or IndexError where it would raise."""

    def __init__(self, start: int) -> None:
        self._stack: list[Item] = []
        self._memo: dict[int, Item] = {}
        self.trace = Trace(start)

    def step(self, code: int, operation: Operation, argument: bytes) -> None:
        """Carry out one operation."""
        if operation.name in TEXTS:
            self._stack.append(_text(operation.name, argument))
        elif operation.name in MEMO_PUTS or operation.name in MEMO_GETS:
            self._remember(operation, argument)
        elif operation.name in ("STACK_GLOBAL", "GLOBAL", "INST"):
            self._import(operation, argument)
        else:
            self._follow_table(operation, argument)
        self.trace.steps += 1
        self.trace.binary = self.trace.binary or not 0x20 <= code < 0x7F

    def _remember(self, operation: Operation, argument: bytes) -> None:
        if operation.name in MEMO_GETS:
            self._stack.append(self._memo.get(number(argument, operation), Thing.OTHER))
        else:
            key = len(self._memo) if operation.name == "MEMOIZE" else number(argument, operation)
            self._memo[key] = self._top()

    def _import(self, operation: Operation, argument: bytes) -> None:
        match operation.name:
            case "STACK_GLOBAL":
                name, module = (item if isinstance(item, str) else "?" for item in (self._pop(), self._pop()))
            case _:
                module, _, name = argument.decode("utf-8", "replace").partition("\n")
                if operation.name == "INST":
                    self._pop_to_mark()
        if not (IMPORTABLE.fullmatch(module) and IMPORTABLE.fullmatch(name)):
            raise StopError
        if len(self.trace.imports) < IMPORTS_MAX:
            self.trace.imports.append((module, name))
        self.trace.acted = self.trace.acted or operation.name == "INST"
        self._stack.append(Thing.OTHER)

    def _follow_table(self, operation: Operation, argument: bytes) -> None:
        """What the table of stack effects says."""
        name, trace = operation.name, self.trace
        if name == "POP":
            self._stack.pop()  # the one operation that may take a mark
            return
        taken = self._take(operation.before)
        if name.startswith("EXT") or (name == "REDUCE" and taken[-1] is Thing.SINGLE):
            raise StopError  # nothing is registered under an extension's number unless the program does so
        if trace.imports and (name in CALLS or (name in CHANGES and self._believable)):
            trace.acted = True
        if name in NUMBERS:
            _check_number(argument)
        elif name == "PROTO":
            self._declare(argument[0])
        trace.complete = name == "STOP"
        left: Item = Thing.MARK if name == "MARK" else Thing.SINGLE if name in SINGLES else Thing.OTHER
        self._stack += taken * 2 if name == "DUP" else [left] * len(operation.after)

    def _declare(self, protocol: int) -> None:
        if protocol > PROTOCOL_MAX:
            raise StopError
        self.trace.declared = self.trace.declared or (self.trace.steps == 0 and protocol >= 2)

    @property
    def _believable(self) -> bool:
        """Whether a change of something imported counts: in plain text, two words on two lines look like an import."""
        return self.trace.binary or any(
            module.partition(".")[0] in sys.stdlib_module_names for module, _ in self.trace.imports
        )

    def _take(self, before: tuple[str, ...]) -> list[Item]:
        """Pop what an operation consumes; what lies above a mark is not told."""
        if "mark" in before:
            self._pop_to_mark()
            before = before[: before.index("mark")]
        return [self._pop() for _ in before][::-1]

    def _top(self) -> Item:
        if not self._stack or self._stack[-1] is Thing.MARK:
            raise StopError
        return self._stack[-1]

    def _pop(self) -> Item:
        top = self._top()
        self._stack.pop()
        return top

    def _pop_to_mark(self) -> None:
        while self._stack.pop() is not Thing.MARK:
            pass


def _text(name: str, argument: bytes) -> Item:
    if name == "STRING":
        if len(argument) < 2 or argument[:1] not in b"'\"" or argument[:1] != argument[-1:]:
            raise StopError
        argument = argument[1:-1]
    if b"\\" in argument or not argument:  # not worth unescaping, or too long to have been read
        return Thing.OTHER
    return argument.decode("utf-8", "replace")


def _check_number(argument: bytes) -> None:
    if not INTEGER.fullmatch(argument):
        float(argument)
