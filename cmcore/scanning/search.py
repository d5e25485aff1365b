"""Looks through all bytes of a file for pickles that do not begin where the file does: behind junk, between arrays.

Found by what a pickle of any protocol needs in order to do anything: its first opcode, or an import.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from heapq import merge

from cmcore.scanning.budget import MIB, Budget
from cmcore.scanning.gadgets import believable
from cmcore.scanning.pickles import Trace, traced
from cmcore.scanning.source import Source

CHUNK_BYTES = 4 * MIB
OVERLAP_BYTES = 4096
STEPS_MAX = 20_000
FOUND_MAX = 50
BACK_BYTES = 512
BACK_MARKS = 8
MARK = ord("(")

_WORD = rb"[A-Za-z_][\w.]{0,99}"
_REMEMBER = rb"(?:\x94|q.|r....|p[0-9]{1,9}\n)?"
_SHORT_TEXT = rb"\x8c.[A-Za-z_][\w.]{0,99}"
_LONG_TEXT = rb"X[\x00-\xff]\x00\x00\x00[A-Za-z_][\w.]{0,99}"
DECLARED = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
IMPORTS = (
    re.compile(rb"c" + _WORD + rb"\n" + _WORD + rb"\n"),
    re.compile(_SHORT_TEXT + _REMEMBER + _SHORT_TEXT + _REMEMBER + rb"\x93", re.DOTALL),
    re.compile(_LONG_TEXT + _REMEMBER + _LONG_TEXT + _REMEMBER + rb"\x93", re.DOTALL),
)
INSTANCE = re.compile(rb"i" + _WORD + rb"\n" + _WORD + rb"\n")


def embedded(source: Source, budget: Budget, *, after: int = 0) -> Iterator[Trace]:
    """The pickles beyond an offset that import something and use it; at most a few dozen."""
    found, covered, last = 0, after + 1, -1
    for offset in _candidates(source, budget):
        if offset < covered or offset == last or found == FOUND_MAX:
            continue
        last = offset
        trace = traced(source.stream, offset, source.size, budget, steps_max=STEPS_MAX)
        if trace.acted and (trace.declared or believable(trace)):
            yield trace
            found, covered = found + 1, trace.end


def _candidates(source: Source, budget: Budget) -> Iterator[int]:
    at = 0
    while at < source.size:
        budget.check_time()
        chunk = source.read(at, CHUNK_BYTES + OVERLAP_BYTES)
        yield from (at + offset for offset in merge(*_in_chunk(chunk)))
        at += CHUNK_BYTES


def _in_chunk(chunk: bytes) -> Iterator[Iterator[int]]:
    """Offsets by what was found there, each in its order."""
    yield from (_places(chunk, opening) for opening in DECLARED)
    yield from ((match.start() for match in pattern.finditer(chunk)) for pattern in IMPORTS)
    yield (mark for match in INSTANCE.finditer(chunk) for mark in _marks_before(chunk, match.start()))


def _places(chunk: bytes, opening: bytes) -> Iterator[int]:
    offset = chunk.find(opening)
    while offset >= 0:
        yield offset
        offset = chunk.find(opening, offset + 1)


def _marks_before(chunk: bytes, end: int) -> list[int]:
    """Where the arguments of an instance may begin: it needs a mark before them."""
    window = chunk[max(0, end - BACK_BYTES) : end]
    marks = [end - len(window) + index for index, byte in enumerate(window) if byte == MARK]
    return marks[-BACK_MARKS:]
