"""Rows as people give them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmcore.cli.given_rows import rows_in, rows_of
from cmcore.errors import UsageError


@pytest.mark.parametrize(
    ("text", "rows", "texts"),
    [
        ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}], False),
        ('{"a": 1}', [{"a": 1}], False),
        ('{\n"a": 1\n}\n', [{"a": 1}], False),
        ('{"a": 1}\n\n{"a": 2}\n', [{"a": 1}, {"a": 2}], False),
        ("a,b\n1,x\n", [{"a": "1", "b": "x"}], True),
        ('a,b\n1,"x, y"\n', [{"a": "1", "b": "x, y"}], True),
        ("a\n", [], True),
        ("a\n1\n\n\n", [{"a": "1"}], True),
        ('a\n""\n', [{"a": ""}], True),
        ("a,b\n1,x\n\n2,y\n", [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}], True),
    ],
)
def test_rows_are_read_from(text: str, rows: list[object], texts: bool) -> None:
    found = rows_of(text, "rows")
    assert (found.rows, found.texts) == (rows, texts)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1, 2]", "rows, row 1: a row is an object"),
        ("[{]", "rows is no JSON"),
        ('{"a": 1}\n{"a": }\n', "rows:2 is no JSON"),
        ("a,b\n1\n", "rows, line 2: it has not as many cells as the header"),
        ("a,b,a,b,a\n1,2,3,4,5\n", "rows, line 1: the header has 'a', 'b' more than once"),
        ("a,b\n1,2,3\n", "rows, line 2: it has not as many cells as the header"),
        ("a\n1\n\n2\n", "rows, line 3: it is empty; an empty text is written"),
        ('a\n1\n2\n3"\n"x', "rows, line 4: unexpected end of data"),
        ('a\n"x', "rows, line 1: unexpected end of data"),
        ("[" * 100_000, "rows"),
    ],
)
def test_what_holds_no_rows_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        rows_of(text, "rows")
    assert str(error.value).startswith(told)


def test_a_file_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"rows\.csv cannot be read"):
        rows_in(str(tmp_path / "rows.csv"))


def test_a_file_that_is_no_text_is_told_by_name(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"rows\.csv is no text"):
        rows_in(str(file))


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(b"\xef\xbb\xbfa\n1\n")
    assert rows_in(str(file)).rows == [{"a": "1"}]
