"""Couriers: starts a process per tracker beside a run, stops them at its end, and tells how far they got.

A courier that cannot be started, hangs or dies costs the run nothing: what it did not deliver waits in the log.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cmcore.errors import CmError
from cmcore.state.database import StateDatabase
from cmcore.tracking.courier import HUNG, NOT_OURS, PATIENCE_OVER, Errand
from cmcore.tracking.standing import Book

ENTRY = "cmcore.cli.courier"  # the process opens a project, which is nothing that this package could do
GRACE_S = 1.0  # beyond its patience, in which a courier ends by itself
LOG_BYTES = 1_000_000
UNNOTICED_S, PAUSE_S = 0.5, 0.02  # a shorter wait than this need not be told

Awaiting = Callable[[Sequence[str]], None]
"""Told which trackers are waited for."""

ENDS: Mapping[int, str] = {
    HUNG: "a call did not come back in time, and its process was ended",
    NOT_OURS: "another process has taken over",
    PATIENCE_OVER: "it was not waited for any longer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerOrder:
    """A tracker that is to get the log; `link` gives the address of a run's page there, empty if it has none."""

    name: str
    patience_s: float = 10.0
    link: Callable[[str], str] = lambda _: ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerTally:
    """How far one tracker got meanwhile: events delivered, events that wait, and why they do."""

    name: str
    delivered: int
    waiting: int
    reason: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where couriers work: the project with its folder, where they write their logs, and the layers of the settings."""

    folder: Path
    home: Path
    environment: Mapping[str, str]
    sets: Mapping[str, str]
    project: str = ""


@dataclass(slots=True, kw_only=True)
class Sent:
    """One courier under way; no process where it could not be started."""

    order: TrackerOrder
    book: Book
    began_at: int = 0
    process: subprocess.Popen[bytes] | None = None
    reason: str = ""


class Couriers:
    """The couriers of one run, or of one command: `start`, then `close`, which waits for them as long as allowed."""

    def __init__(self, database: StateDatabase, orders: Sequence[TrackerOrder], site: Site) -> None:
        self._site = site
        self._sent = [
            Sent(order=order, book=Book(database, order.name, folder=site.home, project=site.project))
            for order in orders
        ]  # fmt: skip

    def start(self, *, follow: bool = True) -> None:
        """Send them; never raises. With `follow` they stay until `close`, else they end at the end of the log."""
        for sent in self._sent:
            try:
                sent.began_at = sent.book.cursor()
                sent.process = started(self._site, self._errand(sent.order, follow=follow))
            except (OSError, CmError) as error:
                sent.reason = f"its process could not be started: {error}"

    @property
    def working(self) -> tuple[str, ...]:
        """The trackers whose couriers have not ended."""
        return tuple(sent.order.name for sent in self._sent if sent.process is not None and sent.process.poll() is None)

    def close(self, run: str = "", awaiting: Awaiting = lambda _: None) -> tuple[TrackerTally, ...]:
        """Tell them to stop, wait as long as each may take, and say how far they got; links are those of `run`.

        `awaiting` is called once, with the trackers that have not ended at once; never where all have.
        """
        for sent in self._sent:
            tell(sent)
        told_at = time.monotonic()
        with suppress(KeyboardInterrupt):  # no more patience: they end by themselves, in theirs
            while self.working and time.monotonic() < told_at + UNNOTICED_S:
                time.sleep(PAUSE_S)
            if names := self.working:
                awaiting(names)
            for sent in self._sent:
                await_end(sent, until=told_at + sent.order.patience_s + GRACE_S)
        return tuple(tally(sent, run) for sent in self._sent)

    def _errand(self, order: TrackerOrder, *, follow: bool) -> Errand:
        return Errand(
            folder=str(self._site.folder),
            home=str(self._site.home),
            tracker=order.name,
            project=self._site.project,
            sets=dict(self._site.sets),
            follow=follow,
            patience_s=order.patience_s,
        )


def started(site: Site, errand: Errand) -> subprocess.Popen[bytes]:
    """A courier's process, with its errand; raises OSError.

    It leads a session of its own, so that Ctrl-C reaches the run and not what is to be told of the run's end. `-P`
    keeps the project's own modules from standing before those of the trackers.
    """
    with opened_log(site.home, errand.tracker) as log:
        process = subprocess.Popen(  # noqa: S603 # this interpreter, and a module of ours
            [sys.executable, "-P", "-m", ENTRY],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=site.folder,
            env=dict(site.environment),
            start_new_session=True,
        )
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has ended already; its exit code says how
        process.stdin.write(errand.model_dump_json().encode() + b"\n")
        process.stdin.flush()
    return process


def opened_log(folder: Path, tracker: str) -> IO[bytes]:
    """The file that gets what a tracker prints; begun anew once it is long. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{tracker}.log"
    mode = "wb" if path.exists() and path.stat().st_size > LOG_BYTES else "ab"
    return path.open(mode)


def tell(sent: Sent) -> None:
    """Tell a courier to stop; by a word too, because a forked child of ours may hold its input open."""
    if sent.process is not None and sent.process.stdin is not None:
        with suppress(OSError):
            sent.process.stdin.write(json.dumps("stop").encode())
        with suppress(OSError):
            sent.process.stdin.close()


def await_end(sent: Sent, *, until: float) -> None:
    """Wait for a courier; one that outstays its time is killed, which loses nothing."""
    if sent.process is None:
        return
    try:
        sent.process.wait(max(until - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        sent.process.kill()
        sent.process.wait()


def tally(sent: Sent, run: str) -> TrackerTally:
    """How far it got, by the log itself."""
    try:
        found = sent.book.standing()
    except CmError as error:
        return TrackerTally(name=sent.order.name, delivered=0, waiting=0, reason=str(error))
    reason = sent.reason or found.trouble or end_of(sent) if found.waiting else ""
    return TrackerTally(
        name=sent.order.name,
        delivered=found.delivered_to - sent.began_at,
        waiting=found.waiting,
        reason=reason,
        link=sent.order.link(run) if run else "",
    )


def end_of(sent: Sent) -> str:
    """How its process ended, where that tells something."""
    code = sent.process.poll() if sent.process is not None else None
    if code is None or code == 0:
        return ""
    return ENDS.get(code, f"its process was killed by signal {-code}" if code < 0 else f"its process ended with {code}")
