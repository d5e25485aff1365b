"""Journals that are only read: what the newest event is, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.migration import STATE_BRANCH


@pytest.fixture
def database(tmp_path: Path) -> Iterator[StateDatabase]:
    database = StateDatabase.open(f"sqlite:///{tmp_path}/state.db", branches=[STATE_BRANCH])
    yield database
    database.close()


def test_an_empty_journal_has_no_newest_event(database: StateDatabase) -> None:
    assert Journal(database).head() == 0


def test_the_newest_event_is_the_last_that_is_read(database: StateDatabase) -> None:
    journal = Journal(database)
    journal.append([Event(kind=EventKind.TRAFFIC_MOVED, at=1.0)] * 3, lease=None)
    assert journal.head() == journal.read()[-1].seq


def test_journals_that_are_only_read_keep_no_connection(database: StateDatabase, tmp_path: Path) -> None:
    before = open_files(tmp_path)
    journals = [Journal(database) for _ in range(50)]
    read = [journal.read() for journal in journals]
    assert (len(read), open_files(tmp_path)) == (50, before)


def open_files(folder: Path) -> int:
    """How many open files this process has in a folder."""
    return sum(str(folder) in str(each.resolve()) for each in Path("/proc/self/fd").iterdir() if each.exists())
