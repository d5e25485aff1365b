"""Where lines and ticks lie."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.tracking.charts import (
    HEIGHT,
    LEFT,
    POINTS_MAX,
    RIGHT,
    TOP,
    WIDTH,
    Range,
    chart,
    line,
    round_step,
    scaled,
    spread,
    thinned,
    ticks,
)

ACROSS = Range(low=0, high=10, start=0, end=100)
NUMBERS = st.floats(width=64)


def test_a_chart_of_nothing_is_none() -> None:
    assert chart("loss", "step", {0: [], 1: [(1.0, math.nan)]}) is None


def test_the_ends_of_a_line_lie_in_the_corners() -> None:
    found = chart("loss", "step", {0: [(1.0, 5.0), (3.0, 9.0)]})
    assert found is not None
    assert found.lines[0].path == f"M{LEFT:g} {HEIGHT - 38:g} L{WIDTH - RIGHT:g} {TOP:g}"


def test_a_single_point_lies_in_the_middle() -> None:
    found = chart("loss", "step", {0: [(7.0, 5.0)]})
    assert found is not None
    assert [(dot.x, dot.y, dot.text) for dot in found.lines[0].dots] == [(263.0, 112.0, "7: 5")]


def test_a_line_has_a_gap_where_a_value_is_no_number() -> None:
    points = [(0.0, 0.0), (1.0, 1.0), (2.0, math.nan), (3.0, math.inf), (4.0, 4.0), (5.0, 5.0)]
    assert line(0, points, ACROSS, ACROSS).path == "M0 0 L10 10 M40 40 L50 50"


def test_every_run_has_its_own_line() -> None:
    found = chart("loss", "step", {0: [(0.0, 1.0)], 2: [(0.0, 2.0)]})
    assert found is not None
    assert [each.run for each in found.lines] == [0, 2]


def test_no_peak_of_a_long_line_is_lost() -> None:
    points = [(float(x), 1.0) for x in range(100_000)]
    points[54_321] = (54_321.0, 9.0)
    assert (54_321.0, 9.0) in thinned(points)


def test_a_long_line_becomes_a_short_one() -> None:
    assert len(thinned([(float(x), x % 7) for x in range(100_000)])) <= POINTS_MAX


def test_the_gap_in_a_long_line_stays() -> None:
    points = [(float(x), math.nan if 400 < x < 600 else 1.0) for x in range(1000)]
    assert any(math.isnan(y) for _, y in thinned(points))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, ["0", "2", "4", "6", "8", "10"]),
        (0.87, 0.93, ["0.88", "0.9", "0.92"]),
        (-1, 1, ["-1", "-0.5", "0", "0.5", "1"]),
        (1e6, 5e6, ["1000000", "2000000", "3000000", "4000000", "5000000"]),
        (3, 3, ["3"]),
        (-1e308, 1e308, ["-1e+308", "-5e+307", "0", "5e+307", "1e+308"]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[str]) -> None:
    assert [tick.text for tick in ticks(Range(low=low, high=high, start=0, end=100))] == expected


def test_a_run_that_diverged_leaves_the_others_room() -> None:
    found = chart("loss", "step", {0: [(0.0, 1.0), (1.0, 0.1)], 1: [(0.0, 1.0), (1.0, 1e61)]})
    assert found is not None
    assert [(tick.text, tick.at) for tick in found.y_ticks] == [
        ("0.1", 212.0),
        ("1e+12", 170.1),
        ("1e+25", 128.1),
        ("1e+38", 86.2),
        ("1e+51", 44.3),
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 1001.0], "log scale"),
        ([1.0, 1000.0], ""),
        ([-1.0, 1.0, 1e9], ""),
        ([0.0, 1.0, 1e9], "log scale, 0 at the bottom"),
        ([0.0, 1e9], ""),
    ],
)
def test_the_axis_says_whether_it_is_logarithmic(values: list[float], expected: str) -> None:
    found = chart("loss", "step", {0: list(enumerate(values))})
    assert found is not None
    assert found.y_label == expected


def test_steps_are_never_logarithmic() -> None:
    found = chart("loss", "step", {0: [(1.0, 1.0), (100_001.0, 2.0)]})
    assert found is not None
    assert [tick.text for tick in found.x_ticks] == ["20000", "40000", "60000", "80000", "100000"]


def test_zero_lies_at_the_bottom_of_a_logarithmic_axis() -> None:
    assert scaled([0.0, 1e-9, 1.0], 100, 0).at(0.0) == 100


@given(st.lists(st.floats(min_value=0, allow_infinity=False), min_size=1))
def test_all_values_lie_between_the_ends_of_whatever_axis(values: list[float]) -> None:
    room = scaled(values, 0, 100)
    assert all(-0.1 <= room.at(value) <= 100.1 for value in values)


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_a_round_step_is_just_large_enough(least: float) -> None:
    assert least * 0.999 <= round_step(least) <= least * 2.6


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20))
def test_whatever_is_tracked_can_be_drawn(points: list[tuple[float, float]]) -> None:
    found = chart("m", "step", {0: points})
    paths = [each.path for each in found.lines] if found else []
    assert not any(word in path for path in paths for word in ("nan", "inf"))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_all_values_lie_between_the_ends(values: list[float]) -> None:
    room = spread(values, 0, 100)
    assert all(-0.1 <= room.at(value) <= 100.1 for value in values)
