"""When a call is made again, on which handle, and when it is given up. Time is a list of numbers here."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import LineageError
from cmcore.lineage.retry import Clock, Reopening, RetryPolicy, Verdict


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def sleep(self, pause_s: float) -> None:
        self.now_s += pause_s


def reopening(verdict: Verdict, time: Time | None = None) -> Reopening[object]:
    passing = time or Time()
    clock = Clock(now=lambda: passing.now_s, sleep=passing.sleep, uniform=lambda: 0.5)
    return Reopening("store", object, lambda _: verdict, errors=(ValueError,), policy=RetryPolicy(), clock=clock)


def failing(times: int) -> Callable[[object], object]:
    """Work that fails so many times and then answers with the handle that it was given."""
    left = [ValueError("bad")] * times

    def work(handle: object) -> object:
        if left:
            raise left.pop()
        return handle

    return work


def test_one_handle_serves_many_calls() -> None:
    store = reopening(Verdict.GIVE_UP)
    assert store.call(failing(0)) is store.call(failing(0))


@pytest.mark.parametrize(("verdict", "opened"), [(Verdict.SAME_HANDLE, 1), (Verdict.NEW_HANDLE, 4)])
def test_the_verdict_decides_on_the_handle(verdict: Verdict, opened: int) -> None:
    store = reopening(verdict)
    store.call(failing(3))
    assert store.opened == opened


def test_a_lasting_error_is_raised_at_once() -> None:
    time = Time()
    with pytest.raises(LineageError, match="store refused: ValueError: bad"):
        reopening(Verdict.GIVE_UP, time).call(failing(1))
    assert time.now_s == 0.0


def test_a_handle_that_was_given_up_is_not_used_again() -> None:
    store = reopening(Verdict.GIVE_UP)
    with pytest.raises(LineageError):
        store.call(failing(1))
    store.call(failing(0))
    assert store.opened == 2


def test_the_deadline_ends_the_attempts() -> None:
    time = Time()
    with pytest.raises(LineageError, match="did not answer within 30 s"):
        reopening(Verdict.NEW_HANDLE, time).call(failing(10_000))
    assert 29.0 < time.now_s <= 30.0


def test_errors_that_are_not_the_stores_pass_through() -> None:
    with pytest.raises(ZeroDivisionError):
        reopening(Verdict.NEW_HANDLE).call(lambda _: 1 / 0)


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_pauses_stay_between_nothing_and_the_cap(attempt: int, uniform: float) -> None:
    assert 0.0 <= RetryPolicy().pause_s(attempt, uniform) <= 0.25


@pytest.mark.parametrize(("attempt", "pause_s"), [(0, 0.005), (1, 0.01), (5, 0.16), (6, 0.25)])
def test_pauses_double_up_to_the_cap(attempt: int, pause_s: float) -> None:
    assert RetryPolicy().pause_s(attempt, 1.0) == pytest.approx(pause_s)
