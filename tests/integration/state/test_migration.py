"""The tables that the scripts make, on both databases, and who makes them."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cmcore.state.database import StateDatabase
from cmcore.state.migration import STATE_BRANCH, recorded_revisions
from cmcore.state.tables import METADATA

pytestmark = pytest.mark.integration


def test_migrations_make_the_tables_that_the_code_expects(database: StateDatabase) -> None:
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_opening_twice_is_the_same_as_once(database: StateDatabase, url: str) -> None:
    again = StateDatabase.open(url)
    assert recorded_revisions(again.engine) == {STATE_BRANCH.head}
    again.close()
