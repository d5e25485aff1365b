"""What users read when the database cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from cmcore.errors import StateError
from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase
from cmcore.state.failures import POSTGRESQL_ADVICE, advice, shown
from cmcore.state.journal import record

LARGE = Event(kind=EventKind.RUN_STARTED, at=0.0, data={"text": "x" * 100_000})
SERVER = sa.make_url("postgresql+psycopg://ana:canary@box/state?password=canary")


class RefusedError(Exception):
    """What psycopg raises, reduced to its state."""

    def __init__(self, sqlstate: str | None) -> None:
        self.sqlstate = sqlstate


def overfill(database: StateDatabase) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        record(connection, [LARGE])


def write_without_right(database: StateDatabase) -> None:
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.exec_driver_sql("DELETE FROM runs")


def test_a_full_disk_says_that_space_is_needed(database: StateDatabase) -> None:
    with pytest.raises(StateError, match=r"Free space .*nothing that was committed is lost"):
        overfill(database)


def test_a_database_without_write_access_says_who_needs_it(database: StateDatabase) -> None:
    with pytest.raises(StateError, match="Give this user write access"):
        write_without_right(database)


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("name,price\n" * 1000)
    with pytest.raises(StateError, match="is not a SQLite database and was left as it is"):
        StateDatabase.open(f"sqlite:///{path}")
    assert path.read_text() == "name,price\n" * 1000


def test_a_damaged_database_names_the_way_out(path: Path, database: StateDatabase) -> None:
    database.close()
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))
    with pytest.raises(StateError, match="restore it from a backup"):
        StateDatabase.open(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match=r"Give this user write access to .*/file"):
        StateDatabase.open(f"sqlite:///{tmp_path}/file/state.db")


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        (None, "See that the server runs"),
        ("3D000", "createdb state"),
        ("53100", "Free space on the server's disk"),
        ("53300", "try again later"),
        ("25006", "name the primary"),
        ("57P01", "when it is back"),
        ("22021", ""),
    ],
)
def test_what_a_server_refuses_has_a_next_step(sqlstate: str | None, expected: str) -> None:
    error = exc.OperationalError("SELECT 1", {}, RefusedError(sqlstate))
    assert expected in advice(error, SERVER)


@pytest.mark.parametrize("text", [text for _, text in POSTGRESQL_ADVICE])
def test_no_advice_shows_a_password(text: str) -> None:
    assert "canary" not in text.format(path=SERVER.database) + shown(SERVER)
