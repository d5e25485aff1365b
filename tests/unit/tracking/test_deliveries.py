"""Portions of the log to a tracker: what moves the cursor, what is passed over, how long to wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import StateError, TrackerError
from cmcore.events import Event, EventKind
from cmcore.testing.tracker import MemoryTracker, PlainMemory
from cmcore.tracking.deliveries import PORTION, Deliveries, PassedOver, delay_s, next_portion


class Log:
    """A log of so many events."""

    def __init__(self, count: int) -> None:
        self.events = [
            Event(kind=EventKind.RUN_TAGGED, at=1.0, run=f"run-{seq}", seq=seq) for seq in range(1, count + 1)
        ]
        self.largest = 0

    def read(self, *, after: int, limit: int) -> list[Event]:
        """The next events."""
        self.largest = max(self.largest, limit)
        return self.events[after : after + limit]


class Desk:
    """Deliveries with everything that they change."""

    def __init__(
        self, count: int, fails: Callable[[Sequence[Event]], None] = lambda _: None, took_s: float = 0.0
    ) -> None:
        self.log, self.seen, self.faults, self.cursors = Log(count), dict[int, Event](), list[PassedOver](), list[int]()
        self._now, self._took_s = 0.0, took_s
        tracker = MemoryTracker(PlainMemory(), self.seen, fails=fails)
        self.deliveries = Deliveries(
            self.log, tracker, cursor=0, advance=self.cursors.append, pass_over=self.faults.append, monotonic=self.clock
        )

    def clock(self) -> float:
        """Each look takes as long as a delivery."""
        self._now += self._took_s
        return self._now

    def all(self) -> list[int]:
        """Deliver everything; the sizes of the portions."""
        sizes = []
        while done := self.deliveries.step():
            sizes.append(done)
        return sizes


def refusing(*seqs: int) -> Callable[[Sequence[Event]], None]:
    """What raises for portions with one of these events."""

    def fails(events: Sequence[Event]) -> None:
        if bad := [event.seq for event in events if event.seq in seqs]:
            raise ValueError(f"event {bad[0]} makes no sense")

    return fails


def down(_: Sequence[Event]) -> None:
    raise TrackerError("nobody is there")


def test_everything_is_delivered_in_order() -> None:
    desk = Desk(1000)
    desk.all()
    assert list(desk.seen) == list(range(1, 1001))


def test_portions_grow_from_one_while_they_are_fast() -> None:
    assert Desk(1000).all() == [1, 2, 4, 8, 16, 32, 64, 128, 256, 256, 233]


def test_no_more_than_one_portion_is_held() -> None:
    desk = Desk(2000)
    desk.all()
    assert desk.log.largest == PORTION


@pytest.mark.parametrize(("took_s", "expected"), [(0.1, 64), (2.0, 32), (6.0, 16)])
def test_portions_follow_how_long_they_take(took_s: float, expected: int) -> None:
    assert next_portion(32, took_s) == expected


def test_slow_portions_become_single_events() -> None:
    assert Desk(5, took_s=6.0).all() == [1, 1, 1, 1, 1]


def test_the_cursor_moves_after_each_portion() -> None:
    desk = Desk(7)
    desk.all()
    assert desk.cursors == [1, 3, 7]


def test_while_the_tracker_is_down_the_cursor_stays() -> None:
    desk = Desk(7, fails=down)
    with pytest.raises(TrackerError, match="nobody is there"):
        desk.deliveries.step()
    assert (desk.cursors, desk.deliveries.cursor, desk.faults) == ([], 0, [])


def test_an_event_that_makes_no_sense_is_passed_over_alone() -> None:
    desk = Desk(100, fails=refusing(37, 38, 90))
    desk.all()
    assert (sorted(set(range(1, 101)) - set(desk.seen)), [fault.seq for fault in desk.faults]) == (
        [37, 38, 90],
        [37, 38, 90],
    )


def test_what_was_passed_over_is_told_with_its_reason() -> None:
    desk = Desk(1, fails=refusing(1))
    desk.all()
    assert desk.faults == [
        PassedOver(seq=1, kind="run.tagged", run="run-1", node="", reason="ValueError: event 1 makes no sense")
    ]


@given(st.sets(st.integers(min_value=1, max_value=60)), st.integers(min_value=0, max_value=60))
def test_all_that_make_sense_are_delivered_and_all_others_told_once(bad: set[int], count: int) -> None:
    desk = Desk(count, fails=refusing(*bad))
    desk.all()
    assert [fault.seq for fault in desk.faults] == sorted(it for it in bad if it <= count)
    assert set(desk.seen) == set(range(1, count + 1)) - bad


def test_a_state_database_that_is_down_is_no_reason_to_pass_over() -> None:
    def locked(_: Sequence[Event]) -> None:
        raise StateError("the database is locked")

    desk = Desk(3, fails=locked)
    with pytest.raises(StateError):
        desk.deliveries.step()
    assert desk.faults == []


@pytest.mark.parametrize(("failures", "longest"), [(1, 0.25), (2, 0.5), (5, 4.0), (8, 30.0), (10_000, 30.0)])
def test_delays_double_up_to_half_a_minute(failures: int, longest: float) -> None:
    assert (delay_s(failures, 0.0), delay_s(failures, 1.0)) == (longest, longest / 2)
