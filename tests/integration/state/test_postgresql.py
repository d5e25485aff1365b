"""What only a server can do to us: let writers overlap, stop, come back, refuse."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest

from cmcore.errors import StateError
from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal, record
from cmcore.state.lease import Holder, Lease, Leases, fence

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
ACTOR = ROOT / "tests/faults/state/actor.py"
EVENT = Event(kind=EventKind.ATTEMPT_SUBMITTED, at=1.0)


class Server(Protocol):
    """The private server of conftest.py."""

    folder: Path

    def start(self) -> None: ...

    def stop(self, mode: str = "fast") -> None: ...

    def fresh_url(self) -> str: ...


@pytest.fixture
def url(postgres: Server) -> str:
    return postgres.fresh_url()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def settled(future: Future[None]) -> bool:
    """Whether it is done though the other side has not moved."""
    time.sleep(0.3)
    return future.done()


def stop_half_way(database: StateDatabase, journal: Journal) -> None:
    """What the server sees of a process that gets SIGSTOP between an event and its commit, while another appends."""
    with database.writing() as connection:
        record(connection, [EVENT])
        journal.append([EVENT.model_copy(update={"run": "other"})], lease=None)


def append_slowly(database: StateDatabase, seed: int, *, transactions: int) -> None:
    """Transactions that stay open for a random time after their events were numbered."""
    chance = random.Random(seed)
    for _ in range(transactions):
        with database.writing() as connection:
            record(connection, [EVENT] * chance.randint(1, 3))
            time.sleep(chance.uniform(0.0, 0.01))


def followed(database: StateDatabase, writers: list[Future[None]]) -> list[int]:
    """The numbers that a consumer sees which always goes on after the last one it saw."""
    journal = Journal(database)
    seen: list[int] = []
    while not all(writer.done() for writer in writers):
        seen += [event.seq for event in journal.read(after=seen[-1] if seen else 0)]
    return seen + [event.seq for event in journal.read(after=seen[-1] if seen else 0)]


def test_a_second_writer_waits_for_the_first(database: StateDatabase, pool: ThreadPoolExecutor) -> None:
    journal = Journal(database)
    with database.writing() as connection:
        record(connection, [EVENT])
        second = pool.submit(journal.append, [EVENT], lease=None)
        assert (settled(second), journal.read()) == (False, [])
    second.result()
    assert [event.seq for event in journal.read()] == [1, 2]


def test_a_consumer_skips_no_event_of_overlapping_writers(database: StateDatabase, pool: ThreadPoolExecutor) -> None:
    writers = [pool.submit(append_slowly, database, seed, transactions=40) for seed in (1, 2, 3)]
    seen = followed(database, writers)
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) == len(Journal(database).read(limit=10_000))


def test_a_lease_is_not_taken_over_within_a_write_of_its_holder(
    database: StateDatabase, pool: ThreadPoolExecutor, ana: Holder, bob: Holder
) -> None:
    lease = Leases(database).acquire("run/r", bob, ttl_s=1e-6)
    with database.writing() as connection:
        fence(connection, lease)
        takeover: Future[Lease] = pool.submit(Leases(database).acquire, "run/r", ana, ttl_s=60.0)
        time.sleep(0.3)
        assert not takeover.done()
    assert takeover.result().token == 2


def test_two_threads_may_renew_one_lease(database: StateDatabase, pool: ThreadPoolExecutor, ana: Holder) -> None:
    leases = Leases(database)
    lease = leases.acquire("run/r", ana, ttl_s=60.0)
    assert list(pool.map(leases.renew, [lease] * 200)) == [None] * 200


def test_eight_processes_open_one_fresh_database_at_once(url: str) -> None:
    actors = [
        subprocess.Popen(
            [sys.executable, str(ACTOR), "open", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(8)
    ]
    said = [actor.communicate("go\n", timeout=60)[0] for actor in actors]
    assert said == ["ready\nopened\n"] * 8


def test_a_server_that_went_away_is_an_error_with_advice(database: StateDatabase, postgres: Server) -> None:
    journal = Journal(database)
    postgres.stop("immediate")
    try:
        with pytest.raises(StateError, match=r"when it is back|that the server runs"):
            journal.append([EVENT], lease=None)
    finally:
        postgres.start()


def test_a_journal_and_its_lease_go_on_when_the_server_is_back(
    database: StateDatabase, postgres: Server, ana: Holder
) -> None:
    journal, leases = Journal(database), Leases(database)
    lease = leases.acquire("run/r", ana, ttl_s=60.0)
    journal.append([EVENT], lease=lease)
    postgres.stop("immediate")
    postgres.start()
    with pytest.raises(StateError):
        journal.append([EVENT], lease=lease)
    leases.renew(lease)
    journal.append([EVENT], lease=lease)
    assert [event.seq for event in journal.read()] == [1, 2]


def test_a_server_that_is_not_there_is_an_error_without_the_password() -> None:
    with pytest.raises(StateError, match="See that the server runs") as caught:
        StateDatabase.open("postgresql://ana:canary@127.0.0.1:1/state")
    assert "canary" not in str(caught.value)


def test_a_database_that_is_not_there_can_be_created(postgres: Server) -> None:
    with pytest.raises(StateError, match=r'database "absent" does not exist'):
        StateDatabase.open(f"postgresql://cm@/absent?host={postgres.folder}&port=5499")


@pytest.mark.faults
def test_a_writer_that_was_stopped_half_way_stops_the_others_for_a_while_only(database: StateDatabase) -> None:
    journal = Journal(database)
    with pytest.raises(StateError, match=r"idle-in-transaction|stood still"):
        stop_half_way(database, journal)
    assert [(event.seq, event.run) for event in journal.read()] == [(1, "other")]
