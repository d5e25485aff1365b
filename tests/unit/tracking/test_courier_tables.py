"""What trackers remember, in the state database; and how far they have got, as it is told to whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cmcore.errors import LeaseLostError
from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase
from cmcore.state.holder import Holder
from cmcore.state.journal import Journal
from cmcore.state.lease import Lease, Leases
from cmcore.state.migration import STATE_BRANCH
from cmcore.state.tables import METADATA as STATE_METADATA
from cmcore.tracking.deliveries import PassedOver
from cmcore.tracking.delivery_tables import COURIERS_BRANCH, METADATA
from cmcore.tracking.memory import TrackerMemory
from cmcore.tracking.standing import Book


@pytest.fixture
def database(tmp_path: Path) -> Iterator[StateDatabase]:
    database = StateDatabase.open(f"sqlite:///{tmp_path}/state.db", branches=(STATE_BRANCH, COURIERS_BRANCH))
    yield database
    database.close()


@pytest.fixture
def memory(database: StateDatabase) -> TrackerMemory:
    return TrackerMemory(database, "mlflow")


@pytest.fixture
def book(database: StateDatabase, tmp_path: Path) -> Book:
    return Book(database, "mlflow", folder=tmp_path / "trackers", clock=lambda: 42.0)


@pytest.fixture
def lost(database: StateDatabase) -> Lease:
    """A lease that somebody else has by now."""
    leases, holder = Leases(database), Holder.this("ada")
    lease = leases.acquire("tracker/mlflow", holder, ttl_s=30)
    leases.release(lease)
    leases.acquire("tracker/mlflow", holder, ttl_s=30)
    return lease


def a_fault(seq: int) -> PassedOver:
    return PassedOver(seq=seq, kind="run.tagged", run="run-1", node="", reason="it makes no sense")


def log(database: StateDatabase, count: int) -> None:
    Journal(database).append([Event(kind=EventKind.RUN_TAGGED, at=1.0)] * count, lease=None)


def test_migrations_make_the_tables_that_the_code_expects(database: StateDatabase) -> None:
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), [STATE_METADATA, METADATA]) == []  # type: ignore[arg-type] # Alembic takes several


def test_what_was_never_put_is_empty(memory: TrackerMemory) -> None:
    assert memory.get("never") == ""


def test_the_last_text_of_a_name_is_kept(memory: TrackerMemory) -> None:
    memory.put("name", "first")
    memory.put("name", "last")
    assert memory.get("name") == "last"


def test_trackers_do_not_see_each_others_texts(memory: TrackerMemory, database: StateDatabase) -> None:
    memory.put("name", "text")
    assert TrackerMemory(database, "other").get("name") == ""


def test_an_empty_text_takes_no_room(memory: TrackerMemory, database: StateDatabase) -> None:
    memory.put("name", "text")
    memory.put("name", "")
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM tracker_memory").scalar_one() == 0


def test_whoever_lost_the_lease_remembers_nothing_more(database: StateDatabase, lost: Lease) -> None:
    with pytest.raises(LeaseLostError):
        TrackerMemory(database, "mlflow", lease=lost).put("name", "text")


def test_whoever_lost_the_lease_moves_no_cursor(database: StateDatabase, lost: Lease, tmp_path: Path) -> None:
    log(database, 3)
    with pytest.raises(LeaseLostError):
        Book(database, "mlflow", folder=tmp_path, lease=lost).advance(3)
    assert Journal(database).cursor("tracker:mlflow") == 0


def test_the_standing_of_a_tracker_that_got_nothing(book: Book, database: StateDatabase) -> None:
    log(database, 3)
    found = book.standing()
    assert (found.delivered_to, found.waiting, found.trouble, found.since) == (0, 3, "", None)


def test_the_standing_of_a_tracker_that_got_some(book: Book, database: StateDatabase) -> None:
    log(database, 3)
    book.advance(2)
    assert (book.standing().delivered_to, book.standing().waiting) == (2, 1)


def test_trouble_is_told_with_its_beginning(database: StateDatabase, tmp_path: Path) -> None:
    times = iter([1.0, 2.0])
    book = Book(database, "mlflow", folder=tmp_path, clock=lambda: next(times))
    book.note_trouble("it is down")
    book.note_trouble("it is still down")
    assert book.trouble() == ("it is still down", 1.0)


def test_trouble_is_over_once_something_is_delivered(book: Book, database: StateDatabase) -> None:
    log(database, 1)
    book.note_trouble("it is down")
    book.advance(1)
    assert book.standing().trouble == ""


def test_an_event_that_was_passed_over_twice_counts_once(book: Book) -> None:
    for seq in (7, 7, 8):
        book.pass_over(a_fault(seq))
    assert book.standing().passed_over == 2
