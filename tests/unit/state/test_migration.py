"""How the tables come about, once, and by whose scripts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from cmcore.errors import StateError
from cmcore.state.database import StateDatabase
from cmcore.state.migration import HERE, STATE_BRANCH, Branch, pending, recorded_revisions
from cmcore.state.tables import METADATA

PETS = """
import sqlalchemy as sa
from alembic import op
revision = "pets_0001"
down_revision = None
branch_labels = ("pets",)
depends_on = None
def upgrade():
    op.create_table("pets", sa.Column("name", sa.Text, primary_key=True))
"""
BROKEN = PETS + "    raise RuntimeError('half-way')\n"


@pytest.fixture
def pets(tmp_path: Path) -> Branch:
    """A second package with tables of its own, in a folder whose name is a trap for configuration files."""
    scripts = tmp_path / "100 % pets, cats"
    scripts.mkdir()
    (scripts / "pets_0001.py").write_text(PETS)
    return Branch(name="pets", scripts=scripts, head="pets_0001")


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [((), ("state",)), (("state_0001",), ()), (("pets_0009",), ("state",)), (("pets_0009", "state_0001"), ())],
)
def test_a_branch_is_pending_until_its_head_is_recorded(recorded: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert tuple(branch.name for branch in pending(frozenset(recorded), [STATE_BRANCH])) == expected


def test_a_database_of_a_newer_cmcore_is_refused() -> None:
    with pytest.raises(StateError, match=r"'state_0002'.*up to 'state_0001'.*pip install --upgrade cmcore"):
        pending(frozenset({"state_0002"}), [STATE_BRANCH])


def test_the_declared_head_is_the_newest_script() -> None:
    scripts = ScriptDirectory(str(HERE), version_locations=[str(STATE_BRANCH.scripts)])
    assert scripts.get_heads() == [STATE_BRANCH.head]


def test_migrations_make_the_tables_that_the_code_expects(database: StateDatabase) -> None:
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_opening_twice_is_the_same_as_once(path: Path, database: StateDatabase) -> None:
    again = StateDatabase.open(f"sqlite:///{path}")
    assert recorded_revisions(again.engine) == {STATE_BRANCH.head}
    again.close()


def test_a_database_at_its_head_is_opened_without_alembic(path: Path, database: StateDatabase) -> None:
    code = (
        "import sys; from cmcore.state.database import StateDatabase;"
        f"StateDatabase.open('sqlite:///{path}').close(); print('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"


def test_another_package_adds_its_branch_to_an_existing_database(
    path: Path, database: StateDatabase, pets: Branch
) -> None:
    grown = StateDatabase.open(f"sqlite:///{path}", branches=[STATE_BRANCH, pets])
    assert recorded_revisions(grown.engine) == {"state_0001", "pets_0001"}
    grown.close()


def test_two_branches_are_made_at_once(path: Path, pets: Branch) -> None:
    fresh = StateDatabase.open(f"sqlite:///{path}", branches=[STATE_BRANCH, pets])
    assert recorded_revisions(fresh.engine) == {"state_0001", "pets_0001"}
    fresh.close()


def test_a_database_with_tables_of_others_opens_without_their_scripts(path: Path, pets: Branch) -> None:
    StateDatabase.open(f"sqlite:///{path}", branches=[STATE_BRANCH, pets]).close()
    StateDatabase.open(f"sqlite:///{path}").close()


def test_scripts_that_are_missing_are_named(path: Path, pets: Branch) -> None:
    StateDatabase.open(f"sqlite:///{path}", branches=[pets]).close()
    with pytest.raises(StateError, match=r"cannot be migrated.*pets_0001"):
        StateDatabase.open(f"sqlite:///{path}")


def test_a_migration_that_fails_leaves_nothing_behind(path: Path, pets: Branch) -> None:
    (pets.scripts / "pets_0001.py").write_text(BROKEN)
    with pytest.raises(RuntimeError, match="half-way"):
        StateDatabase.open(f"sqlite:///{path}", branches=[STATE_BRANCH, pets])
    fresh = StateDatabase("sqlite:///" + str(path))
    assert recorded_revisions(fresh.engine) == frozenset()
    fresh.close()
