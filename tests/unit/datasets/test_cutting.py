"""Chunks put together are the stream, and an insertion leaves the rest as it was."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from hashlib import sha256
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.datasets.cutting import AVERAGE_BYTES, cut

TABLE = b"".join(b"2013,%d,%d,EWR\n" % (row % 365, row * 7919 % 100_003) for row in range(200_000))


class Slow(io.RawIOBase):
    """A stream that gives fewer bytes than it is asked for."""

    def __init__(self, content: bytes, seed: int) -> None:
        self._rest, self._random = io.BytesIO(content), random.Random(seed)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # narrower than what the library says
        content = self._rest.read(self._random.randint(1, len(buffer)))
        buffer[: len(content)] = content
        return len(content)


def chunks(content: bytes) -> list[bytes]:
    return list(cut(io.BytesIO(content)))


def new_bytes(old: bytes, new: bytes) -> int:
    known = {sha256(chunk).digest() for chunk in chunks(old)}
    return sum(len(chunk) for chunk in chunks(new) if sha256(chunk).digest() not in known)


@given(st.binary(max_size=2000), st.integers(0, 300))
def test_together_they_are_the_stream(pattern: bytes, times: int) -> None:
    assert b"".join(chunks(pattern * times)) == pattern * times


@given(st.integers())
def test_they_do_not_depend_on_how_the_stream_is_read(seed: int) -> None:
    assert list(cut(cast(BinaryIO, Slow(TABLE[: 1 << 20], seed)))) == chunks(TABLE[: 1 << 20])


def test_an_empty_stream_has_none() -> None:
    assert chunks(b"") == []


def test_their_sizes_are_bounded() -> None:
    sizes = [len(chunk) for chunk in chunks(TABLE)]
    assert max(sizes) <= 4 * AVERAGE_BYTES
    assert min(sizes[:-1]) >= AVERAGE_BYTES // 4


@pytest.mark.parametrize(
    "edited",
    [
        lambda table: table + table[:5000],
        lambda table: table[:1_500_000] + b"2013,1,1,LGA\n" + table[1_500_000:],
        lambda table: table[:1_500_000] + table[1_500_100:],
        lambda table: b"2013,1,1,LGA\n" + table,
    ],
    ids=["appended", "inserted", "deleted", "in front"],
)
def test_an_edit_costs_a_few_chunks(edited: Callable[[bytes], bytes]) -> None:
    assert new_bytes(TABLE, edited(TABLE)) < 6 * AVERAGE_BYTES
