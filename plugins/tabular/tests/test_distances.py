from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import chebyshev, jensenshannon

from cmcore_tabular.sketches import QuantileSketch
from cmcore_tabular.validation.distances import bin_shares, equal_frequency_edges, jensen_shannon, l_infinity

COUNTS = st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any)
NUMBERS = st.lists(st.integers(-20, 20), min_size=1, max_size=80)


def distribution(values: list[int]) -> list[tuple[float, int]]:
    sketch = QuantileSketch()
    sketch.add(np.array(values, dtype=np.float64))
    return sketch.distribution(128)


@given(COUNTS, COUNTS)
def test_l_infinity_is_the_chebyshev_distance_of_shares(first: list[int], second: list[int]) -> None:
    left, right = np.array(first) / sum(first), np.array(second) / sum(second)
    found, _ = l_infinity(list(zip("abc", first, strict=True)), list(zip("abc", second, strict=True)))
    assert found == pytest.approx(chebyshev(left, right))


def test_l_infinity_names_the_value_that_moved_most() -> None:
    assert l_infinity([("a", 1), ("b", 1)], [("a", 2)]) == (0.5, "a")


def test_nothing_to_compare_is_no_distance() -> None:
    assert l_infinity([], [("a", 1)]) == (0.0, "")


@given(NUMBERS, NUMBERS)
def test_jensen_shannon_is_that_of_scipy(first: list[int], second: list[int]) -> None:
    left, right = distribution(first), distribution(second)
    edges = equal_frequency_edges(right)
    expected = jensenshannon(bin_shares(left, edges), bin_shares(right, edges), base=2) ** 2
    assert jensen_shannon(left, right) == pytest.approx(expected, abs=1e-7)


@given(NUMBERS)
def test_a_distribution_is_at_no_distance_from_itself(values: list[int]) -> None:
    assert jensen_shannon(distribution(values), distribution(values)) == 0.0


def test_disjoint_distributions_are_one_bit_apart() -> None:
    low, high = distribution(list(range(10))), distribution(list(range(100, 110)))
    assert jensen_shannon(high, low) == pytest.approx(1.0, abs=0.06)


def test_bins_hold_what_numpy_counts() -> None:
    values = np.random.default_rng(0).integers(0, 60, 500)
    edges = np.array([10.0, 20.0, 40.0])
    counts = np.histogram(values, [-1, 10.5, 20.5, 40.5, 99])[0]
    assert bin_shares(distribution(values.tolist()), edges) == pytest.approx(counts / 500)


def test_a_long_tail_does_not_make_two_samples_differ() -> None:
    random = np.random.default_rng(0)
    first, second = (random.lognormal(0, 2, size).round(1) for size in (20_000, 5_000))
    assert jensen_shannon(distribution(second.tolist()), distribution(first.tolist())) < 0.01
