"""Feeding the event log to observers, each with a durable cursor and a deadline. It never fails or stalls a run.

How a single call is bounded in time is `cmcore.hooks.deadline`; where events lie is the log's own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event as Flag
from threading import Thread
from time import monotonic
from typing import Protocol

from cmcore.errors import StateError
from cmcore.events import Event
from cmcore.hooks.deadline import Observer, ObserverThread, Outcome, OutcomeKind

BATCH = 256  # events between two writes of a cursor, so also the most that a kill can deliver twice
LAST_WRITE_S = 1.0  # at the end of `close`, for noting the cursor of what was delivered


class EventLog(Protocol):
    """What observers need of the journal; used from several threads at once. Calls may raise StateError."""

    def read(self, *, after: int, limit: int) -> list[Event]:
        """Events with a `seq` above `after`, in order, at most `limit`."""
        ...

    def cursor(self, consumer: str) -> int:
        """The `seq` up to which this consumer is done; 0 for one never seen."""
        ...

    def advance(self, consumer: str, seq: int) -> None:
        """Note that this consumer is done up to `seq`; never moves back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverFault:
    """Why an observer missed something; `event` is None where the log itself could not be used."""

    plugin: str
    distribution: str
    event: Event | None
    reason: str
    traceback: str = ""

    def __str__(self) -> str:
        missed = f" at event {self.event.seq} ({self.event.kind})" if self.event else ""
        return f"plugin {self.plugin!r} ({self.distribution}){missed}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverTally:
    """What one observer got: `left` waits in the log for the next process (counted up to one batch)."""

    plugin: str
    delivered: int
    dropped: int
    left: int


class Delivery:
    """Delivers events to observers from `start` to `close`.

    `report` is called from the observers' threads: for an observer's first exception, for a hang, and for the
    first failure of the log. What an observer drops after its first exception is only counted.
    """

    def __init__(
        self,
        log: EventLog,
        observers: Sequence[Observer],
        *,
        report: Callable[[ObserverFault], None],
        deadline_s: float = 2.0,
        poll_s: float = 0.25,
    ) -> None:
        self._consumers = [
            _Consumer(log, observer, report=report, deadline_s=deadline_s, poll_s=poll_s) for observer in observers
        ]

    def start(self) -> None:
        """Begin to deliver in the background, each observer from its own cursor."""
        for consumer in self._consumers:
            consumer.start()

    def close(self, deadline_s: float) -> tuple[ObserverTally, ...]:
        """Deliver what the log holds by now, within the deadline; the rest stays for the next process."""
        give_up_at_s = monotonic() + deadline_s
        for consumer in self._consumers:
            consumer.finish()
        for consumer in self._consumers:
            consumer.wait(give_up_at_s - monotonic())
        return tuple(consumer.tally() for consumer in self._consumers)


class _Consumer:
    """One observer's place in the log."""

    def __init__(
        self,
        log: EventLog,
        observer: Observer,
        *,
        report: Callable[[ObserverFault], None],
        deadline_s: float,
        poll_s: float,
    ) -> None:
        self._log, self._observer, self._report = log, observer, report
        self._deadline_s, self._poll_s = deadline_s, poll_s
        self._name = f"observer:{observer.plugin}"
        self._calls = ObserverThread(observer)
        self._thread = Thread(target=self._consume, name=f"cmcore-consumer-{observer.plugin}", daemon=True)
        self._finishing = Flag()
        self._given_up = Flag()
        self._reported: set[str] = set()
        self._delivered = 0
        self._dropped = 0

    def start(self) -> None:
        self._calls.start()
        self._thread.start()

    def finish(self) -> None:
        self._finishing.set()

    def wait(self, timeout_s: float) -> None:
        self._thread.join(max(timeout_s, 0))
        if self._thread.is_alive():
            self._given_up.set()
            self._calls.give_up()
            self._thread.join(LAST_WRITE_S)
        self._calls.stop()

    def tally(self) -> ObserverTally:
        return ObserverTally(
            plugin=self._observer.plugin, delivered=self._delivered, dropped=self._dropped, left=self._left()
        )

    def _left(self) -> int:
        try:
            return len(self._log.read(after=self._log.cursor(self._name), limit=BATCH))
        except StateError:
            return 0

    def _consume(self) -> None:
        goes_on = True
        while goes_on:
            last_look = self._finishing.is_set()  # asked first: what was logged before `finish` is still read
            try:
                goes_on = self._deliver_log()
            except StateError as error:
                self._report_once("log", None, Outcome(kind=OutcomeKind.UNFINISHED, reason=str(error)))
            if last_look:
                return
            self._finishing.wait(self._poll_s)

    def _deliver_log(self) -> bool:
        """Deliver what the log holds; False where this observer gets no more in this process."""
        seq, goes_on = self._log.cursor(self._name), True
        while goes_on and (events := self._log.read(after=seq, limit=BATCH)):
            done, goes_on = self._deliver_batch(events)
            if done:
                self._log.advance(self._name, done)
                seq = done
        return goes_on

    def _deliver_batch(self, events: Sequence[Event]) -> tuple[int, bool]:
        """Deliver in order; the last `seq` that is done with (0 for none), and whether more may follow."""
        done = 0
        for event in events:
            if self._given_up.is_set():
                return done, False
            outcome = self._calls.deliver(event, deadline_s=self._deadline_s)
            self._note(event, outcome)
            if outcome.kind is OutcomeKind.UNFINISHED:
                return done, False
            done = event.seq
            if outcome.kind is OutcomeKind.HUNG:
                return done, False
        return done, True

    def _note(self, event: Event, outcome: Outcome) -> None:
        match outcome.kind:
            case OutcomeKind.DELIVERED:
                self._delivered += 1
            case OutcomeKind.RAISED | OutcomeKind.HUNG:
                self._dropped += 1
                self._report_once(outcome.kind, event, outcome)
            case OutcomeKind.UNFINISHED:
                self._report_once(outcome.kind, event, outcome)

    def _report_once(self, about: str, event: Event | None, outcome: Outcome) -> None:
        if about in self._reported:
            return
        self._reported.add(about)
        self._report(
            ObserverFault(
                plugin=self._observer.plugin,
                distribution=self._observer.distribution,
                event=event,
                reason=outcome.reason,
                traceback=outcome.traceback,
            )
        )
