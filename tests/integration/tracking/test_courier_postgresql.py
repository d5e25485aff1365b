"""What couriers keep, in a state database on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cmcore.errors import LeaseLostError
from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase
from cmcore.state.holder import Holder
from cmcore.state.journal import Journal
from cmcore.state.lease import Leases
from cmcore.state.migration import STATE_BRANCH
from cmcore.state.tables import METADATA as STATE_METADATA
from cmcore.tracking.delivery_tables import COURIERS_BRANCH, METADATA
from cmcore.tracking.memory import TrackerMemory
from cmcore.tracking.standing import Book

if TYPE_CHECKING:
    from tests.integration.state.conftest import Postgres

pytestmark = pytest.mark.integration


@pytest.fixture
def database(postgres: Postgres) -> Iterator[StateDatabase]:
    """A fresh one."""
    database = StateDatabase.open(postgres.fresh_url(), branches=(STATE_BRANCH, COURIERS_BRANCH))
    yield database
    database.close()


def test_migrations_make_the_tables_that_the_code_expects(database: StateDatabase) -> None:
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), [STATE_METADATA, METADATA]) == []  # type: ignore[arg-type] # Alembic takes several


def test_texts_are_kept_replaced_and_forgotten(database: StateDatabase) -> None:
    memory, found = TrackerMemory(database, "mlflow"), []
    for text in ("first", "last", ""):
        memory.put("name", text)
        found.append(memory.get("name"))
    assert found == ["first", "last", ""]


def test_cursor_and_trouble_are_kept(database: StateDatabase, tmp_path: Path) -> None:
    Journal(database).append([Event(kind=EventKind.RUN_TAGGED, at=1.0)] * 3, lease=None)
    book = Book(database, "mlflow", folder=tmp_path, clock=lambda: 42.0)
    book.advance(2)
    book.note_trouble("it is down")
    found = Book(database, "mlflow", folder=tmp_path).standing()
    assert (found.delivered_to, found.waiting, found.trouble, found.since) == (2, 1, "it is down", 42.0)


def test_whoever_lost_the_lease_moves_no_cursor(database: StateDatabase, tmp_path: Path) -> None:
    leases, holder = Leases(database), Holder.this("ada")
    lost = leases.acquire("tracker/mlflow", holder, ttl_s=30)
    leases.release(lost)
    with pytest.raises(LeaseLostError):
        Book(database, "mlflow", folder=tmp_path, lease=lost).advance(1)
