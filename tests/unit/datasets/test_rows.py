"""Rows are counted where that is sure, and not guessed."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.datasets.rows import counter_for


def rows(path: str, *blocks: bytes) -> int | None:
    counter = counter_for(path)
    for block in blocks:
        counter.feed(block)
    return counter.rows


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("a.csv", b"", 0),
        ("a.csv", b"x\n", 0),
        ("a.csv", b"x\n1\n2\n", 2),
        ("a.csv", b"x\n1\n2", 2),
        ("A.TSV", b"x\r\n1\r\n", 1),
        ("a.csv", b'x\n"1\n2"\n', None),
        ("a.jsonl", b'{"a": "b"}\n{}\n', 2),
        ("a.ndjson", b"{}", 1),
        ("a.txt", b"x\n", None),
        ("a.csv.gz", b"x\n1\n", None),
    ],
)
def test_lines_are_counted(path: str, content: bytes, expected: int | None) -> None:
    assert rows(path, content) == expected


@given(st.lists(st.sampled_from([b"x", b"\n", b"", b"1,2"])))
def test_the_count_does_not_depend_on_the_blocks(blocks: list[bytes]) -> None:
    assert rows("a.csv", *blocks) == rows("a.csv", b"".join(blocks))


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


@pytest.mark.parametrize("count", [0, 1, 100_000])
def test_the_footer_of_a_parquet_file_says_how_many(count: int) -> None:
    assert rows("a.parquet", parquet(pa.table({"x": range(count)}))) == count


def test_a_footer_with_every_kind_of_column_is_read() -> None:
    table = pa.table(
        {
            "nested": pa.array([[{"a": 1}], None], pa.list_(pa.struct([("a", pa.int64())]))),
            "when": pa.array([0, 1], pa.timestamp("us", tz="UTC")),
            "price": pa.array([None, None], pa.decimal128(10, 2)),
            "text": ["a", "b"],
        }
    )
    assert rows("a.parquet", parquet(table)) == 2


def test_a_parquet_file_may_come_in_pieces() -> None:
    content = parquet(pa.table({"x": range(1000)}))
    assert rows("a.parquet", *(content[start : start + 7] for start in range(0, len(content), 7))) == 1000


@given(st.binary(max_size=300))
def test_a_damaged_footer_is_not_believed_and_does_no_harm(footer: bytes) -> None:
    found = rows("a.parquet", b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    assert found is None or isinstance(found, int)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 100, b"\xff" * 8 + b"PAR1"])
def test_what_is_no_parquet_file_has_no_rows(content: bytes) -> None:
    assert rows("a.parquet", content) is None


def test_a_list_that_cannot_be_is_not_walked() -> None:
    footer = b"\x29\xf1\xff\xff\xff\xff\xff\xff\xff\x7f"  # 2**56 booleans, of which none takes a byte to read
    assert rows("a.parquet", footer + len(footer).to_bytes(4, "little") + b"PAR1") is None
