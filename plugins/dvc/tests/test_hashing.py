"""MD5 as DVC 2 and 3 take it."""

from __future__ import annotations

import os
from hashlib import md5
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import StorageError
from cmcore_dvc.hashing import BLOCK_BYTES, CheckedFile, Md5


def plain(content: bytes) -> str:
    return md5(content, usedforsecurity=False).hexdigest()


def taken(*pieces: bytes) -> Md5:
    digest = Md5()
    for piece in pieces:
        digest.update(piece)
    return digest


@given(st.lists(st.binary(max_size=50)))
def test_the_plain_one_is_that_of_the_bytes(pieces: list[bytes]) -> None:
    assert taken(*pieces).plain == plain(b"".join(pieces))


@given(st.lists(st.sampled_from([b"a", b"\r\n", b"\r", b"\n"])))
def test_text_counts_with_line_ends_of_unix_however_it_comes_in(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert taken(*pieces).unix == taken(whole).unix


def test_line_ends_of_windows_do_not_count_in_text() -> None:
    assert taken(b"one\r\ntwo\r\n").unix == plain(b"one\ntwo\n")


@pytest.mark.parametrize("content", [b"\0\r\n", b"\xff\xfe\r\n\x01\x02"])
def test_they_count_in_what_is_no_text(content: bytes) -> None:
    assert taken(content).unix == plain(content)


def test_a_line_end_across_two_blocks_counts_as_dvc_counts_it() -> None:
    content = b"x" * (BLOCK_BYTES - 1) + b"\r\nrest"
    assert taken(content).unix == plain(content)


def test_a_file_with_another_md5_is_refused_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"rows")
    checked = CheckedFile(os.open(tmp_path / "rows", os.O_RDONLY), "0" * 32, "rows", either=False)
    with checked, pytest.raises(StorageError, match=r"'rows' is damaged.*dvc pull"):
        checked.read()
