"""A process that uses the state database until it is told, stopped or killed; one word of a report per line.

actor.py open URL           open at the word, and append one event
actor.py race URL           at each word try to take the lease of that name, and say so
actor.py hold URL TTL_S     take a lease and a run, and at the word write under it
actor.py append URL         append batches of three events for ever, saying each batch when it is committed
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count

from cmcore.errors import StateError
from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.lease import Holder, Leases
from cmcore.state.runs import RunRow, Runs

EVENT = Event(kind=EventKind.ATTEMPT_SUBMITTED, at=1.0, run="r", data={"text": "x" * 500})
RUN = RunRow(
    run="r",
    project="p",
    pipeline="p",
    actor="ana",
    state="RUNNING",
    created_at=1.0,
    finished_at=None,
    plan="{}",
    options="{}",
)


def say(word: object) -> None:
    print(word, flush=True)


def open_at_the_word(url: str) -> None:
    say("ready")
    sys.stdin.readline()
    database = StateDatabase.open(url)
    Journal(database).append([EVENT], lease=None)
    say("opened")


def race(url: str) -> None:
    leases = Leases(StateDatabase.open(url))
    holder = Holder.this("racer")
    say("ready")
    for word in sys.stdin:
        try:
            say(f"won {leases.acquire(word.strip(), holder, ttl_s=60.0).token}")
        except StateError as error:
            say(type(error).__name__)


def hold(url: str, ttl_s: str) -> None:
    database = StateDatabase.open(url)
    journal, runs = Journal(database), Runs(database)
    lease = Leases(database).acquire("run/r", Holder.this("ana"), ttl_s=float(ttl_s))
    runs.create(RUN)
    say("holding")
    sys.stdin.readline()
    writes: tuple[Callable[[], None], ...] = (
        lambda: journal.append([EVENT], lease=lease),
        lambda: runs.finish(lease, "r", "COMPLETE", 2.0),
        lambda: Leases(database).renew(lease),
    )
    for write in writes:
        try:
            write()
            say("written")
        except StateError as error:
            say(type(error).__name__)


def append(url: str) -> None:
    database = StateDatabase.open(url)
    journal = Journal(database)
    lease = Leases(database).acquire("run/r", Holder.this("ana"), ttl_s=600.0)
    say("ready")
    for batch in count(1):
        journal.append([EVENT.model_copy(update={"node": str(batch)})] * 3, lease=lease)
        say(batch)


if __name__ == "__main__":
    parts: dict[str, Callable[..., None]] = {"open": open_at_the_word, "race": race, "hold": hold, "append": append}
    parts[sys.argv[1]](*sys.argv[2:])
