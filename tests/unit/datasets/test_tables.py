"""The tables that the code expects are those that the migrations make."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cmcore.datasets.tables import METADATA
from cmcore.state.database import StateDatabase


def test_migrations_make_the_tables_that_the_code_expects(database: StateDatabase) -> None:
    with database.reading() as connection:
        options = {"include_name": lambda name, kind, _: kind != "table" or name in METADATA.tables}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []
