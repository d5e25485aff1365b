"""How the registry's tables come about."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from cmcore.errors import StateError
from cmcore.registry.audit import WITNESSED
from cmcore.registry.store import Registry
from cmcore.registry.tables import METADATA, REGISTRY_BRANCH
from cmcore.state.database import StateDatabase
from cmcore.state.migration import HERE


def is_ours(_: object, name: str | None, kind: str, __: bool, ___: object) -> bool:
    return kind != "table" or str(name).startswith("registry_")


def test_the_declared_head_is_the_newest_script() -> None:
    scripts = ScriptDirectory(str(HERE), version_locations=[str(REGISTRY_BRANCH.scripts)])
    assert scripts.get_heads() == [REGISTRY_BRANCH.head]


def test_migrations_make_the_tables_that_the_code_expects(database: StateDatabase) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_ours})
        assert compare_metadata(context, METADATA) == []


@pytest.mark.parametrize("statement", ["UPDATE registry_audit SET actor = 'mallory'", "DELETE FROM registry_audit"])
def test_the_database_itself_keeps_entries_as_they_are(
    statement: str, registry: Registry, database: StateDatabase
) -> None:
    registry.create("flights")
    with pytest.raises(StateError, match="the audit log is append-only"), database.writing() as connection:
        connection.execute(sa.text(statement))
    assert registry.audit.verify().ok


def test_every_kind_of_event_that_is_witnessed_names_its_action() -> None:
    assert len(set(WITNESSED)) == 10
