from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from math import isnan
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore import Context
from cmcore.artifacts import Examples, Statistics
from cmcore_tabular import dataset
from cmcore_tabular.statistics.accumulate import RowsAccumulator, histogram_edges
from cmcore_tabular.statistics.document import RowsStatistics, StatisticsDocument
from cmcore_tabular.statistics.generate import statistics_gen

VALUES = st.lists(st.none() | st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=60)


def describe(*batches: pl.DataFrame) -> RowsStatistics:
    rows = RowsAccumulator(batches[0].schema)
    for batch in batches:
        rows.add(batch)
    return rows.statistics(5, 10)


@given(VALUES, st.integers(0, 60))
def test_numbers_agree_with_numpy_however_they_are_cut(values: list[float | None], cut: int) -> None:
    frame = pl.DataFrame({"a": values}, schema={"a": pl.Float64})
    column = describe(frame[:cut], frame[cut:]).columns["a"]
    present = np.array([value for value in values if value is not None and not isnan(value)])
    assert (column.count, column.missing) == (len(present), len(values) - len(present))
    numeric = column.numeric
    found = (numeric.min, numeric.max, numeric.mean, numeric.std) if numeric else ()
    expected = (
        (present.min(), present.max(), present.mean(), present.std(ddof=1) if len(present) > 1 else 0.0)
        if len(present) else ()
    )  # fmt: skip
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_a_histogram_holds_every_value() -> None:
    column = describe(pl.DataFrame({"a": [0.0, 1.0, 2.0, 3.0, 10.0]})).columns["a"]
    assert column.numeric is not None
    assert column.numeric.histogram.counts == (2, 2, 0, 0, 1)


@pytest.mark.parametrize(
    ("low", "high", "edges"), [(1, 3, [0.5, 1.5, 2.5, 3.5]), (1, 11, [0.5, 3.5, 6.5, 9.5, 12.5]), (7, 7, [6.5, 7.5])]
)
def test_bins_of_whole_numbers_are_cut_between_two(low: int, high: int, edges: list[float]) -> None:
    assert histogram_edges(low, high, 5, whole=True).tolist() == edges


def test_one_value_everywhere_has_one_bin() -> None:
    numeric = describe(pl.DataFrame({"a": [7, 7]})).columns["a"].numeric
    assert numeric is not None
    assert (numeric.std, numeric.histogram.counts, numeric.quantiles[5]) == (0.0, (2,), 7.0)


def test_a_column_without_values_has_no_summary() -> None:
    column = describe(pl.DataFrame({"a": [None, None]}, schema={"a": pl.Float64})).columns["a"]
    assert (column.missing_share, column.numeric, column.text) == (1.0, None, None)


def test_texts_and_booleans_are_counted() -> None:
    columns = describe(pl.DataFrame({"t": ["b", "a", "b", None], "f": [True, False, True, None]})).columns
    assert [columns[name].text.top for name in "tf"] == [  # type: ignore[union-attr] # both are texts
        (("b", 2), ("a", 1)), (("true", 2), ("false", 1)),
    ]  # fmt: skip


def test_instants_are_seconds() -> None:
    numeric = describe(pl.DataFrame({"t": [datetime(1970, 1, 2), datetime(1970, 1, 1)]})).columns["t"].numeric
    assert numeric is not None
    assert (numeric.min, numeric.max) == (0.0, 86_400.0)


@pytest.fixture
def examples(examples_of: Callable[..., Examples]) -> Examples:
    frame = pl.DataFrame({"a": [1.0, None, 3.0], "<b>": ["x", "y", "<script>"]})
    return examples_of(train={1: frame, 2: frame.head(2)}, eval={1: frame, 2: frame.clear()}, empty={1: frame.clear()})


@pytest.fixture
def generated(examples: Examples, tmp_path: Path) -> Statistics:
    folder = tmp_path / "statistics"
    folder.mkdir()
    statistics = Statistics.at(folder)
    statistics_gen(examples=examples, statistics=statistics, bins=4, top_values=5, context=Context())
    return statistics


def test_spans_add_up_to_their_split(generated: Statistics) -> None:
    train = StatisticsDocument.read(generated.path).splits["train"]
    assert (train.total.rows, [rows.rows for rows in train.spans.values()]) == (5, [3, 2])


def test_an_empty_split_is_described_as_empty(generated: Statistics) -> None:
    assert StatisticsDocument.read(generated.path).splits["empty"].total.rows == 0


def test_the_page_is_one_file_that_fetches_nothing(generated: Statistics) -> None:
    page = (generated.path / "index.html").read_text()
    assert [word for word in ("http:", "https:", "<script", "src=", "@import", "url(") if word in page] == []


def test_small_batches_give_the_same_statistics(
    examples: Examples, generated: Statistics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset.batches, "__defaults__", (None, 1))
    again = Statistics.at(tmp_path / "again")
    again.path.mkdir()
    statistics_gen(examples=examples, statistics=again, bins=4, top_values=5, context=Context())
    assert StatisticsDocument.read(again.path) == StatisticsDocument.read(generated.path)
