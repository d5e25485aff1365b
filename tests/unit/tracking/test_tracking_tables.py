"""How the tables of tracking come about."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from cmcore.state.database import StateDatabase
from cmcore.state.migration import HERE
from cmcore.tracking.tables import METADATA, TRACKING_BRANCH


def is_ours(_: object, name: str | None, kind: str, __: bool, ___: object) -> bool:
    return kind != "table" or str(name) in METADATA.tables


def test_the_declared_head_is_the_newest_script() -> None:
    scripts = ScriptDirectory(str(HERE), version_locations=[str(TRACKING_BRANCH.scripts)])
    assert scripts.get_heads() == [TRACKING_BRANCH.head]


def test_migrations_make_the_tables_that_the_code_expects(database: StateDatabase) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_ours})
        assert compare_metadata(context, METADATA) == []
