from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore_tabular.errors import TabularError
from cmcore_tabular.splits import assign_buckets, bucket_table

ROWS = pl.DataFrame({"a": ["1", "2", None, "x"], "b": ["u", "v", "w", None]})


def test_buckets_do_not_depend_on_the_order_of_a_document() -> None:
    assert bucket_table({"train": 2, "eval": 1}) == bucket_table({"eval": 1, "train": 2}) == ("eval", "train", "train")


@pytest.mark.parametrize("weights", [{}, {"train": 0}, {"train": 1.5}, {"a/b": 1}, {"train": True}])
def test_wrong_weights_are_refused(weights: dict[str, int]) -> None:
    with pytest.raises(TabularError, match="splits"):
        bucket_table(weights)


def test_the_assignment_never_changes() -> None:
    assert assign_buckets(ROWS, [], 1000).tolist() == [663, 475, 712, 754]


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), min_size=1, max_size=30), st.randoms())
def test_a_row_keeps_its_bucket_wherever_it_stands(rows: list[tuple[str, str]], random: object) -> None:
    frame = pl.DataFrame(rows, schema=["a", "b"], orient="row")
    order = np.random.default_rng(0).permutation(len(rows))
    shuffled = assign_buckets(frame[order.tolist()], [], 97)
    assert shuffled.tolist() == assign_buckets(frame, [], 97)[order].tolist()


def test_only_the_key_decides() -> None:
    changed = ROWS.with_columns(pl.lit("other").alias("b"))
    assert assign_buckets(ROWS, ["a"], 97).tolist() == assign_buckets(changed, ["a"], 97).tolist()


def test_missing_and_empty_are_not_the_same_row() -> None:
    frame = pl.DataFrame({"a": ["", None]})
    first, second = assign_buckets(frame, [], 1_000_000).tolist()
    assert first != second


def test_shares_follow_the_weights() -> None:
    frame = pl.DataFrame({"id": [str(number) for number in range(20_000)]})
    assert np.bincount(assign_buckets(frame, [], 4)) / 20_000 == pytest.approx([0.25] * 4, abs=0.01)
