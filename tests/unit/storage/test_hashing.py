"""Digests, the search for forbidden bytes, and the hashes taken while a file is written."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.storage import hashing
from cmcore.storage.hashing import ForbiddenFound, HashingFile, Written, digest_stream, step_back

CHUNKS = st.lists(st.binary(min_size=1, max_size=8), max_size=8)


def reads(chunks: Iterable[bytes]) -> Callable[[int], bytes]:
    """What gives the chunks one by one, then nothing."""
    left = iter(chunks)
    return lambda _: next(left, b"")


def write(path: Path, *pieces: bytes) -> list[Written | None]:
    reports: list[Written | None] = []
    with HashingFile(path, "wb", reports.append) as stream:
        stream.writelines(pieces)
    return reports


@given(CHUNKS)
def test_a_digest_does_not_depend_on_the_chunks(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    assert digest_stream(reads(chunks)) == (sha256(whole).hexdigest(), len(whole))


@given(CHUNKS, st.binary(min_size=1, max_size=12), CHUNKS)
def test_a_forbidden_value_is_found_across_any_borders(before: list[bytes], value: bytes, after: list[bytes]) -> None:
    pieces = [value[index : index + 2] for index in range(0, len(value), 2)]
    with pytest.raises(ForbiddenFound):
        digest_stream(reads(before + pieces + after), [b"\0other value\0", value])


@given(st.text("ab"), st.text("ab", min_size=1, max_size=4))
def test_a_forbidden_value_is_found_exactly_where_it_is(text: str, value: str) -> None:
    found = pytest.raises(ForbiddenFound) if value in text else nullcontext()
    with found:
        digest_stream(reads(character.encode() for character in text), [value.encode()])


def test_an_empty_forbidden_value_is_in_nothing() -> None:
    assert digest_stream(io.BytesIO(b"x").read, [b""])[1] == 1


def test_a_file_is_hashed_while_it_is_written(tmp_path: Path) -> None:
    (report,) = write(tmp_path / "f", b"ab", b"c")
    assert report == Written(sha256=sha256(b"abc").hexdigest(), size=3, mtime_ns=(tmp_path / "f").stat().st_mtime_ns)


def test_a_writer_that_seeks_is_not_followed(tmp_path: Path) -> None:
    reports: list[Written | None] = []
    with HashingFile(tmp_path / "f", "wb", reports.append) as stream:
        stream.write(b"abc")
        stream.seek(0)
        stream.write(b"x")
    assert reports == [None]


def test_a_writer_that_cuts_is_not_followed(tmp_path: Path) -> None:
    reports: list[Written | None] = []
    with HashingFile(tmp_path / "f", "wb", reports.append) as stream:
        stream.write(b"abc")
        stream.truncate(1)
    assert reports == [None]


def test_asking_for_the_position_does_not_end_the_hash(tmp_path: Path) -> None:
    reports: list[Written | None] = []
    with HashingFile(tmp_path / "f", "wb", reports.append) as stream:
        stream.write(b"abc")
        stream.seek(0, os.SEEK_CUR)
    assert reports != [None]


def test_a_write_within_the_same_tick_shows(tmp_path: Path) -> None:
    (report,) = write(tmp_path / "f", b"abc")
    assert report is not None
    with (tmp_path / "f").open("r+b") as stream:
        stream.write(b"x")
    assert (tmp_path / "f").stat().st_mtime_ns != report.mtime_ns


def test_the_time_of_a_hard_link_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    before = (tmp_path / "a").stat().st_mtime_ns
    with (tmp_path / "b").open("rb") as stream:
        step_back(stream.fileno())
    assert (tmp_path / "a").stat().st_mtime_ns == before


def test_reading_goes_in_bounded_chunks() -> None:
    assert hashing.CHUNK_BYTES <= 8 << 20
