"""Transactions: what they keep, what they undo, and whom they keep out."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from cmcore.state.database import StateDatabase
from cmcore.state.tables import EVENT_CURSORS

ROW = sa.insert(EVENT_CURSORS).values(consumer="tracker", seq=1)


def write_and_fail(database: StateDatabase) -> None:
    with database.writing() as connection:
        connection.execute(ROW)
        _ = 1 / 0


def stored(database: StateDatabase) -> int:
    with database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(EVENT_CURSORS)).scalar_one()


def test_a_write_is_there_when_its_block_has_ended(database: StateDatabase) -> None:
    with database.writing() as connection:
        connection.execute(ROW)
    assert stored(database) == 1


def test_a_write_is_undone_when_its_block_raises(database: StateDatabase) -> None:
    with pytest.raises(ZeroDivisionError):
        write_and_fail(database)
    assert stored(database) == 0


def test_readers_do_not_wait_for_a_writer(database: StateDatabase) -> None:
    with database.writing() as connection:
        connection.execute(ROW)
        assert stored(database) == 0


@pytest.mark.parametrize(("power_safe", "level"), [(False, 1), (True, 2)])
def test_a_dedicated_connection_syncs_as_it_was_asked_to(database: StateDatabase, power_safe: bool, level: int) -> None:
    connection = database.dedicated(power_safe=power_safe)
    assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == level


def test_a_dedicated_connection_leaves_the_others_synced(database: StateDatabase) -> None:
    database.dedicated(power_safe=False)
    with database.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
