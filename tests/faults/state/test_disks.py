"""Disks that are full or read-only: an error with the next step, and nothing lost."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cmcore.errors import StateError
from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.lease import Holder, Leases

pytestmark = pytest.mark.faults

EVENT = Event(kind=EventKind.RUN_STARTED, at=1.0, data={"text": "x" * 5000})


def appended_until_refused(journal: Journal) -> int:
    """How many events were taken before the first was not."""
    for number in range(100_000):
        try:
            journal.append([EVENT], lease=None)
        except StateError:
            return number
    raise AssertionError("the disk never filled")


@pytest.fixture
def crowded(small_disk: Path) -> Iterator[StateDatabase]:
    database = StateDatabase.open(f"sqlite:///{small_disk}/state.db")
    yield database
    database.close()


def test_a_full_disk_says_that_space_is_needed(crowded: StateDatabase) -> None:
    journal = Journal(crowded)
    appended_until_refused(journal)
    with pytest.raises(StateError, match="Free space"):
        journal.append([EVENT], lease=None)


def test_a_full_disk_loses_nothing_that_was_appended(crowded: StateDatabase) -> None:
    journal = Journal(crowded)
    taken = appended_until_refused(journal)
    assert [event.seq for event in journal.read(limit=100_000)] == list(range(1, taken + 1))


def test_the_same_journal_goes_on_once_there_is_space(crowded: StateDatabase, small_disk: Path) -> None:
    journal = Journal(crowded)
    taken = appended_until_refused(journal)
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    journal.append([EVENT], lease=None)
    assert journal.read(after=taken)[0].seq == taken + 1


def test_a_full_disk_refuses_a_lease_with_advice(crowded: StateDatabase) -> None:
    appended_until_refused(Journal(crowded))
    with pytest.raises(StateError, match="Free space"):
        Leases(crowded).acquire("x" * 200_000, Holder.this("ana"), ttl_s=5.0)


@pytest.fixture
def read_only(small_disk: Path) -> Iterator[Path]:
    StateDatabase.open(f"sqlite:///{small_disk}/state.db").close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    yield small_disk
    with suppress(subprocess.CalledProcessError):
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)


def test_a_read_only_disk_is_found_when_the_database_is_opened(read_only: Path) -> None:
    with pytest.raises(StateError, match="write access"):
        StateDatabase.open(f"sqlite:///{read_only}/state.db")


def test_a_read_only_disk_without_a_database_is_found_as_well(read_only: Path) -> None:
    with pytest.raises(StateError, match="write access"):
        StateDatabase.open(f"sqlite:///{read_only}/new/state.db")
