"""Delivery of events: in order, at least once, and never at the cost of the run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from threading import Event as Flag
from threading import get_ident
from time import monotonic

import pytest

from cmcore.errors import StateError
from cmcore.events import Event
from cmcore.hooks.deadline import Observer
from cmcore.hooks.observers import BATCH, Delivery, ObserverFault, ObserverTally
from tests.unit.hooks.conftest import ListLog

CURSOR = "observer:diary"


class Diary:
    """An observer that notes what it sees, raises at some events and hangs at others until released."""

    def __init__(self, *, raises_at: frozenset[int] = frozenset(), hangs_at: int = 0) -> None:
        self.seen: list[int] = []
        self.threads: set[int] = set()
        self.stuck, self.released = Flag(), Flag()
        self._raises_at, self._hangs_at = raises_at, hangs_at

    def note(self, event: Event) -> None:
        self.seen.append(event.seq)
        self.threads.add(get_ident())
        if event.seq == self._hangs_at:
            self.stuck.set()
            self.released.wait()
        if event.seq in self._raises_at:
            raise RuntimeError(f"cannot bear {event.seq}")

    def wait_until_stuck(self) -> None:
        """Return at once unless it is going to hang."""
        assert not self._hangs_at or self.stuck.wait(timeout=10)


class DeadLog(ListLog):
    """A log whose database is gone."""

    def read(self, *, after: int, limit: int) -> list[Event]:
        raise StateError("the state database is locked")


def delivered(
    log: ListLog, *diaries: Diary, deadline_s: float = 5.0, close_s: float = 5.0
) -> tuple[tuple[ObserverTally, ...], list[ObserverFault]]:
    """Deliver all that the log holds; what the observers got and what was reported."""
    faults: list[ObserverFault] = []
    observers = [
        Observer(plugin=plugin, distribution=f"cmcore-{plugin}", call=diary.note)
        for plugin, diary in zip(("diary", "other"), diaries, strict=False)
    ]
    delivery = Delivery(log, observers, report=faults.append, deadline_s=deadline_s, poll_s=0.001)
    delivery.start()
    for diary in diaries:
        diary.wait_until_stuck()
    return delivery.close(close_s), faults


@pytest.fixture
def diary_that() -> Iterator[Callable[..., Diary]]:
    """Makes diaries, and releases those that hang."""
    made: list[Diary] = []

    def make(*, raises_at: frozenset[int] = frozenset(), hangs_at: int = 0) -> Diary:
        made.append(Diary(raises_at=raises_at, hangs_at=hangs_at))
        return made[-1]

    yield make
    for diary in made:
        diary.released.set()


@pytest.mark.parametrize("length", [0, 1, BATCH, BATCH + 1, 3 * BATCH])
def test_every_event_of_the_log_arrives_in_order(length: int) -> None:
    diary = Diary()
    delivered(ListLog(length), diary)
    assert diary.seen == list(range(1, length + 1))


def test_all_calls_of_one_observer_come_from_one_thread() -> None:
    diary = Diary()
    delivered(ListLog(3 * BATCH), diary)
    assert len(diary.threads) == 1


def test_events_logged_during_the_run_arrive_without_waiting_for_its_end() -> None:
    log, arrived = ListLog(), Flag()
    observer = Observer(plugin="diary", distribution="", call=lambda event: arrived.set())
    delivery = Delivery(log, [observer], report=print, poll_s=0.001)
    delivery.start()
    log.append(1)
    assert arrived.wait(timeout=5)
    delivery.close(5)


def test_the_cursor_outlives_the_process() -> None:
    log = ListLog(5)
    delivered(log, Diary())
    log.append(2)
    second = Diary()
    delivered(log, second)
    assert second.seen == [6, 7]


def test_each_observer_has_its_own_cursor() -> None:
    log = ListLog(5)
    delivered(log, Diary())
    late = Diary()
    delivered(log, Diary(), late)
    assert late.seen == [1, 2, 3, 4, 5]


def test_an_observer_that_raises_gets_the_events_after_it(diary_that: Callable[..., Diary]) -> None:
    diary = diary_that(raises_at=frozenset({2}))
    delivered(ListLog(4), diary)
    assert diary.seen == [1, 2, 3, 4]


def test_what_raised_is_counted_as_dropped(diary_that: Callable[..., Diary]) -> None:
    tallies, _ = delivered(ListLog(5), diary_that(raises_at=frozenset({2, 4})))
    assert tallies == (ObserverTally(plugin="diary", delivered=3, dropped=2, left=0),)


def test_an_observer_that_always_raises_is_reported_once(diary_that: Callable[..., Diary]) -> None:
    _, faults = delivered(ListLog(9), diary_that(raises_at=frozenset(range(10))))
    assert [str(fault) for fault in faults] == [
        "plugin 'diary' (cmcore-diary) at event 1 (node.finished): cmcore_event failed: RuntimeError: cannot bear 1"
    ]


def test_the_report_of_what_raised_has_its_traceback(diary_that: Callable[..., Diary]) -> None:
    _, faults = delivered(ListLog(1), diary_that(raises_at=frozenset({1})))
    assert "in note" in faults[0].traceback


def test_an_observer_that_exits_does_not_end_the_process() -> None:
    faults: list[ObserverFault] = []
    observer = Observer(plugin="exits", distribution="", call=lambda event: sys.exit(3))
    delivery = Delivery(ListLog(1), [observer], report=faults.append, poll_s=0.001)
    delivery.start()
    delivery.close(5)
    assert "SystemExit: 3" in faults[0].reason


def test_an_observer_that_hangs_is_reported(diary_that: Callable[..., Diary]) -> None:
    _, faults = delivered(ListLog(3), diary_that(hangs_at=1), deadline_s=0.02)
    assert [str(fault) for fault in faults] == [
        "plugin 'diary' (cmcore-diary) at event 1 (node.finished): cmcore_event did not return within 0.02 s"
    ]


def test_the_event_at_which_an_observer_hangs_is_dropped_and_the_rest_is_left(
    diary_that: Callable[..., Diary],
) -> None:
    tallies, _ = delivered(ListLog(5), diary_that(hangs_at=1), deadline_s=0.02)
    assert tallies == (ObserverTally(plugin="diary", delivered=0, dropped=1, left=4),)


def test_the_next_process_delivers_what_a_hanging_observer_left(diary_that: Callable[..., Diary]) -> None:
    log = ListLog(5)
    delivered(log, diary_that(hangs_at=1), deadline_s=0.02)
    healed = Diary()
    delivered(log, healed)
    assert healed.seen == [2, 3, 4, 5]


def test_an_observer_that_hangs_at_the_last_event_of_a_batch_is_not_called_again(
    diary_that: Callable[..., Diary], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmcore.hooks.observers.BATCH", 1)
    diary = diary_that(hangs_at=1)
    delivered(ListLog(3), diary, deadline_s=0.02)
    assert diary.seen == [1]


def test_an_observer_that_hangs_does_not_stall_another(diary_that: Callable[..., Diary]) -> None:
    arrived = Flag()

    def note(event: Event) -> None:
        arrived.set() if event.seq == 5 else None

    observers = [
        Observer(plugin="diary", distribution="", call=diary_that(hangs_at=1).note),
        Observer(plugin="other", distribution="", call=note),
    ]
    delivery = Delivery(ListLog(5), observers, report=lambda fault: None, deadline_s=60, poll_s=0.001)
    delivery.start()
    assert arrived.wait(timeout=10)
    delivery.close(0.02)


def test_close_does_not_wait_longer_than_its_deadline(diary_that: Callable[..., Diary]) -> None:
    started_s = monotonic()
    delivered(ListLog(5), diary_that(hangs_at=1), deadline_s=60, close_s=0.02)
    assert monotonic() - started_s < 10


def test_an_event_that_close_cut_off_comes_again(diary_that: Callable[..., Diary]) -> None:
    log = ListLog(5)
    delivered(log, diary_that(hangs_at=3), deadline_s=60, close_s=0.02)
    again = Diary()
    delivered(log, again)
    assert again.seen == [3, 4, 5]


def test_an_event_that_close_cut_off_is_reported(diary_that: Callable[..., Diary]) -> None:
    _, faults = delivered(ListLog(1), diary_that(hangs_at=1), deadline_s=60, close_s=0.02)
    assert "had not returned when cmcore ended; the event comes again" in faults[0].reason


def test_a_log_that_cannot_be_read_is_reported_once() -> None:
    _, faults = delivered(DeadLog(5), Diary())
    assert [str(fault) for fault in faults] == ["plugin 'diary' (cmcore-diary): the state database is locked"]


def test_without_observers_there_is_nothing_to_close() -> None:
    assert delivered(ListLog(5)) == ((), [])
