"""Deliveries: portions of the event log to one tracker, in order, at least once; what it can never take is passed over.

How long to wait after a failure is decided here too. Processes, leases and deadlines are the courier's affair.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cmcore.errors import StateError, TrackerError
from cmcore.events import Event
from cmcore.tracking.tracker import Tracker

PORTION = 256  # the most events that are held at once
FAST_S, SLOW_S = 0.5, 5.0  # portions grow while they are taken in faster, and shrink where it takes longer
FIRST_DELAY_S, LONGEST_DELAY_S = 0.25, 30.0


class EventLog(Protocol):
    """What deliveries need of the journal."""

    def read(self, *, after: int, limit: int) -> list[Event]:
        """Events with a `seq` above `after`, in order, at most `limit`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """An event that a tracker can never take in, and why."""

    seq: int
    kind: str
    run: str
    node: str
    reason: str


def delay_s(failures: int, chance: float) -> float:
    """How long to wait after so many failures in a row: doubling, and up to a half less by chance (0 to 1)."""
    longest = min(FIRST_DELAY_S * 2.0 ** min(failures - 1, 16), LONGEST_DELAY_S)
    return longest * (1 - chance / 2)


def next_portion(portion: int, took_s: float) -> int:
    """How many events to hand over next, after a portion that took so long."""
    if took_s < FAST_S:
        return min(portion * 2, PORTION)
    return max(portion // 2, 1) if took_s > SLOW_S else portion


class Deliveries:
    """One tracker's way through the log, from `cursor` on.

    `advance` makes the new cursor durable; `pass_over` keeps what could not be delivered, before the cursor moves on.
    """

    def __init__(
        self,
        log: EventLog,
        tracker: Tracker,
        *,
        cursor: int,
        advance: Callable[[int], None],
        pass_over: Callable[[PassedOver], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._tracker = log, tracker
        self._advance, self._pass_over, self._monotonic = advance, pass_over, monotonic
        self._portion = 1
        self.cursor = cursor

    def step(self) -> int:
        """Hand one portion over: how many events are done with, 0 at the end of the log.

        Raises TrackerError, and StateError where the log cannot be used; then nothing has moved, and it can be tried
        again. Where anything else is raised, a smaller portion is tried, and a single event passed over.
        """
        events = self._log.read(after=self.cursor, limit=self._portion)
        if not events:
            return 0
        started = self._monotonic()
        if not self._delivered(events):
            return self.step()
        self._advance(events[-1].seq)
        self.cursor = events[-1].seq
        self._portion = next_portion(self._portion, self._monotonic() - started)
        return len(events)

    def _delivered(self, events: Sequence[Event]) -> bool:
        """Whether these events are done with; if not, the next portion is smaller."""
        try:
            self._tracker.deliver(events)
        except (TrackerError, StateError):
            raise
        except Exception as error:  # noqa: BLE001 # the border of a plugin: whatever it raises is about an event
            if len(events) > 1:
                self._portion = len(events) // 2
                return False
            self._pass_over(passed_over(events[0], error))
        return True


def passed_over(event: Event, error: Exception) -> PassedOver:
    """The record of an event that its tracker refused."""
    reason = f"{type(error).__name__}: {error}"
    return PassedOver(seq=event.seq, kind=event.kind, run=event.run, node=event.node, reason=reason[:2000])
