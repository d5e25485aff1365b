"""The courier: a process of its own that delivers the event log to one tracker until it is told to stop.

It holds the lease `tracker/PROJECT/NAME`, so that one process at a time delivers. A kill at any instant loses nothing:
the cursor moves only after the tracker has taken the events in. Who starts couriers is `couriers`.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cmcore.errors import CmError, LeaseHeldError, LeaseLostError, StateError, TrackerError
from cmcore.events import Event
from cmcore.state.database import StateDatabase
from cmcore.state.holder import Holder
from cmcore.state.journal import Journal
from cmcore.state.lease import Lease, Leases
from cmcore.state.runs import Runs
from cmcore.tracking.deliveries import Deliveries, delay_s
from cmcore.tracking.memory import TrackerMemory
from cmcore.tracking.standing import Book
from cmcore.tracking.tracker import Memory, Tracker

TTL_S = 30.0
POLL_S = 0.25
LAST_WORD_S = 2.0  # for writing down why the process ends
NOT_OURS, HUNG, PATIENCE_OVER = 75, 124, 125  # exit codes


class Errand(BaseModel):
    """What a courier is told in the first line that it reads; the end of its input, or one more line, stops it.

    With `follow` it stays at the end of the log, and a tracker that cannot be reached when it is told to stop is not
    waited for; without, it ends at the end of the log.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str
    home: str
    tracker: str
    project: str = ""
    sets: dict[str, str] = {}
    follow: bool = True
    patience_s: float = 10.0
    deadline_s: float = 60.0


class Stop:
    """Whether the courier has been told to stop, and when it has to be gone."""

    def __init__(self, patience_s: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._told, self._patience_s, self._monotonic = threading.Event(), patience_s, monotonic
        self.give_up_at: float | None = None

    def tell(self) -> None:
        """Stop soon."""
        if not self._told.is_set():
            self.give_up_at = self._monotonic() + self._patience_s
            self._told.set()

    @property
    def told(self) -> bool:
        """Whether to stop soon."""
        return self._told.is_set()

    def wait(self, timeout_s: float) -> None:
        """Wait so long, or until told; told already, a moment."""
        if self._told.wait(timeout_s):
            time.sleep(0.02)


def tell_at_end(descriptor: int, stop: Stop) -> None:
    """Tell to stop when anything more can be read, or the other end is closed; a thread waits for it."""

    def wait() -> None:
        with suppress(OSError):
            os.read(descriptor, 1)
        stop.tell()

    threading.Thread(target=wait, name="courier-stop", daemon=True).start()


class Watchdog:
    """Ends this process where a tracker's call takes too long, or the patience of those who wait is over."""

    def __init__(self, stop: Stop, *, deadline_s: float, last_word: Callable[[str], None]) -> None:
        self._stop, self._deadline_s, self._last_word = stop, deadline_s, last_word
        self._since: float | None = None
        threading.Thread(target=self._watch, name="courier-watchdog", daemon=True).start()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """While a tracker is called."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def _watch(self) -> None:
        while True:
            time.sleep(0.05)
            now, since, give_up_at = time.monotonic(), self._since, self._stop.give_up_at
            if give_up_at is not None and now > give_up_at:
                os._exit(PATIENCE_OVER)
            if since is not None and now > since + self._deadline_s:
                last_word = threading.Thread(target=self._last_word, args=(self._hung(),), daemon=True)
                last_word.start()
                last_word.join(LAST_WORD_S)
                os._exit(HUNG)

    def _hung(self) -> str:
        return f"a call did not come back within {self._deadline_s:g} s; its process was ended, the events wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What a courier works with: the state database, who it is, and how the tracker is opened."""

    database: StateDatabase
    actor: str
    opened: Callable[[Memory], Tracker]


class OwnRuns:
    """A tracker that gets the events of one project's runs, and those of no run; projects may share an event log."""

    def __init__(self, tracker: Tracker, runs: Runs, project: str) -> None:
        self._tracker, self._runs, self._project = tracker, runs, project
        self._projects: dict[str, str] = {}

    def deliver(self, events: Sequence[Event]) -> None:
        if own := [event for event in events if not event.run or self._of(event.run) in ("", self._project)]:
            self._tracker.deliver(own)

    def link(self, run: str, node: str = "") -> str:
        return self._tracker.link(run, node)

    def close(self) -> None:
        self._tracker.close()

    def _of(self, run: str) -> str:
        """The project of a run; empty where nobody can tell, or asks."""
        if not self._project:
            return ""
        if run not in self._projects:
            row = self._runs.get(run)
            self._projects[run] = row.project if row else ""
        return self._projects[run]


def deliver_until(stop: Stop, errand: Errand, office: Office) -> None:
    """Deliver until told to stop, or to the end of the log; what is left then waits for the next courier.

    Raises what opening the tracker raises, and LeaseLostError.
    """
    leases = Leases(office.database)
    lease = awaited_lease(leases, stop, errand, office)
    if lease is None:
        return
    book = Book(office.database, errand.tracker, folder=Path(errand.home), project=errand.project, lease=lease)
    with kept(leases, lease):
        tracker = opened(office, lease, book)
        own = OwnRuns(tracker, Runs(office.database), errand.project)
        watchdog = Watchdog(stop, deadline_s=errand.deadline_s, last_word=quietly(book.note_trouble))
        book.trouble()
        deliveries = Deliveries(
            Journal(office.database), own, cursor=book.cursor(), advance=book.advance, pass_over=book.pass_over
        )
        go_on(deliveries, stop, watchdog, book, follow=errand.follow)
        with watchdog.watching():
            tracker.close()


def awaited_lease(leases: Leases, stop: Stop, errand: Errand, office: Office) -> Lease | None:
    """The lease, once nobody else has it; None where there is nothing left to do before that."""
    book = Book(office.database, errand.tracker, folder=Path(errand.home), project=errand.project)
    name, holder = f"tracker/{book.account}", Holder.this(office.actor)
    while True:
        over = stop.told or not errand.follow
        with suppress(LeaseHeldError):
            return leases.acquire(name, holder, ttl_s=TTL_S)
        if over and book.cursor() >= book.end():
            return None
        if stop.give_up_at is not None and time.monotonic() > stop.give_up_at:
            return None
        stop.wait(POLL_S)


@contextmanager
def kept(leases: Leases, lease: Lease) -> Iterator[None]:
    """Renew the lease meanwhile, and give it back; the process ends where somebody else took it."""
    closing = threading.Event()

    def renew() -> None:
        while not closing.wait(TTL_S / 3):
            try:
                leases.renew(lease)
            except LeaseLostError:
                os._exit(NOT_OURS)
            except CmError:
                continue  # tried again; the fence decides what may still be written

    threading.Thread(target=renew, name="courier-lease", daemon=True).start()
    try:
        yield
    finally:
        closing.set()
        with suppress(StateError):
            leases.release(lease)


def opened(office: Office, lease: Lease, book: Book) -> Tracker:
    """The tracker; where it cannot be opened, that is noted and raised."""
    try:
        return office.opened(TrackerMemory(office.database, book.account, lease=lease))
    except Exception as error:
        quietly(book.note_trouble)(str(error) or type(error).__name__)
        raise


def go_on(deliveries: Deliveries, stop: Stop, watchdog: Watchdog, book: Book, *, follow: bool) -> None:
    """Step by step, and again after a failure; told to stop, each failure is the last."""
    failures = 0
    while True:
        told = stop.told  # asked first: what was logged before is still read
        try:
            with watchdog.watching():
                done = deliveries.step()
        except LeaseLostError:
            raise
        except (TrackerError, StateError) as error:
            failures += 1
            quietly(book.note_trouble)(str(error))
            if told:
                return
            stop.wait(delay_s(failures, random.random()))  # noqa: S311 # so that couriers do not knock all at once
            continue
        failures = 0
        if done == 0:
            if told or not follow:
                return
            stop.wait(POLL_S)


def quietly(write: Callable[[str], None]) -> Callable[[str], None]:
    """The same, where a state database that cannot be written is no reason to stop."""

    def attempt(reason: str) -> None:
        with suppress(StateError):
            write(reason)

    return attempt
