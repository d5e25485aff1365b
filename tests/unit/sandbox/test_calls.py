"""What a load comes to."""

from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.sandbox.calls import CODES, Failure, Load, nearest_rank


def load(*calls: tuple[float, float, Failure | None], seconds: float = 10.0) -> Load:
    return Load(
        began_at=1000.0,
        seconds=seconds,
        starts=array("d", [start for start, _, _ in calls]),
        latencies=array("d", [latency for _, latency, _ in calls]),
        outcomes=bytes(CODES[failure] if failure else 0 for _, _, failure in calls),
        asked=array("H", [0] * len(calls)),
        models=("a",),
        told={Failure.STATUS: "500: no"},
    )


def test_a_rate_counts_answers_only() -> None:
    assert load((0, 1, None), (1, 1, Failure.STATUS), (2, 1, None)).rps == 0.2


def test_failures_are_counted_by_kind() -> None:
    found = load((0, 1, Failure.STATUS), (1, 1, Failure.TIMEOUT), (2, 1, Failure.STATUS), (3, 1, None))
    assert found.failures == {Failure.STATUS: 2, Failure.TIMEOUT: 1}


def test_failing_fast_does_not_make_a_server_look_fast() -> None:
    assert load((0, 0.001, Failure.BROKEN), (1, 2.0, None)).p50 == 2.0


def test_a_request_that_timed_out_counts_with_the_time_that_it_waited() -> None:
    assert load((0, 30.0, Failure.TIMEOUT), (1, 0.1, None)).p99 == 30.0


def test_a_window_has_the_requests_that_began_in_it() -> None:
    found = load((0.5, 1, None), (1.0, 2, None), (1.9, 3, Failure.STATUS), (2.0, 4, None)).between(1.0, 2.0)
    assert (list(found.starts), list(found.latencies), found.answered) == ([0.0, pytest.approx(0.9)], [2.0, 3.0], 1)


def test_a_window_knows_its_own_time_and_length() -> None:
    found = load((1.5, 1, None)).between(1.0, 3.0)
    assert (found.began_at, found.seconds, found.rps) == (1001.0, 2.0, 0.5)


def test_requests_are_counted_by_the_model_that_was_asked() -> None:
    assert load((0, 1, None), (1, 1, Failure.WRONG_MODEL)).by_model == {"a": 2}


def test_nothing_has_no_percentiles() -> None:
    assert math.isnan(load().p99)


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.01, 1.0))
def test_a_quantile_is_a_value_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    found = nearest_rank(sorted(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
