from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cmcore_tabular.sketches import QuantileSketch, TopValues

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200)
SHARES = np.array([0.01, 0.25, 0.5, 0.75, 0.99, 1.0])


@given(NUMBERS)
def test_few_values_have_exact_quantiles(values: list[float]) -> None:
    sketch = QuantileSketch()
    sketch.add(np.array(values))
    expected = np.quantile(values, SHARES, method="inverted_cdf")
    assert (sketch.quantiles(SHARES).tolist(), sketch.rank_error) == (expected.tolist(), 0)


@given(NUMBERS, st.integers(1, 5))
def test_a_small_sketch_stays_within_its_own_error(values: list[float], parts: int) -> None:
    sketch = QuantileSketch(capacity=8)
    for part in np.array_split(np.array(values), parts):
        sketch.add(part)
    ordered, found = np.sort(values), sketch.quantiles(SHARES)
    low, high = np.searchsorted(ordered, found, "left"), np.searchsorted(ordered, found, "right")
    wanted = np.maximum(np.ceil(SHARES * len(values)), 1)
    assert np.all((wanted >= low + 1 - sketch.rank_error) & (wanted <= high + sketch.rank_error))


def test_memory_is_bounded_and_the_error_small() -> None:
    random, sketch = np.random.default_rng(0), QuantileSketch(capacity=1_000)
    for _ in range(50):
        sketch.add(random.normal(size=2_000))
    assert len(sketch._values) <= 2_000
    assert sketch.rank_error / sketch.count < 0.06
    assert np.abs(sketch.quantiles(np.array([0.1, 0.5, 0.9])) - [-1.2816, 0, 1.2816]).max() < 0.03


@given(NUMBERS, NUMBERS)
def test_merging_sketches_is_adding_values(first: list[float], second: list[float]) -> None:
    one, other, both = QuantileSketch(), QuantileSketch(), QuantileSketch()
    one.add(np.array(first))
    other.add(np.array(second))
    both.add(np.array(first + second))
    one.merge(other)
    assert one.distribution(1_000) == both.distribution(1_000)


def test_a_histogram_counts_what_numpy_counts() -> None:
    values, edges = np.random.default_rng(0).normal(size=500), np.linspace(-3, 3, 11)
    sketch = QuantileSketch()
    sketch.add(values)
    assert sketch.histogram(edges) == np.histogram(values, edges)[0].tolist()


def test_no_values_have_no_quantiles() -> None:
    assert np.isnan(QuantileSketch().quantiles(SHARES)).all()


def test_ties_among_top_values_go_by_their_text() -> None:
    top = TopValues()
    top.add(pl.Series(["b", "a", "c", "a", "b"]))
    assert top.top(2) == [("a", 2), ("b", 2)]


@given(st.lists(st.sampled_from("abcdefghij"), max_size=200), st.integers(1, 4))
def test_counts_are_low_by_at_most_the_stated_error(values: list[str], parts: int) -> None:
    top = TopValues(capacity=4)
    for part in np.array_split(np.array(values, dtype=object), parts):
        top.add(pl.Series(part.tolist(), dtype=pl.String))
    exact = Counter(values)
    counted = dict(top.top(100))
    assert all(counted.get(value, 0) <= exact[value] <= counted.get(value, 0) + top.count_error for value in exact)
    assert top.distinct <= 4
