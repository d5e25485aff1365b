"""A fresh SQLite with the log and the tables of tracking, per test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.state.database import StateDatabase
from cmcore.state.migration import STATE_BRANCH
from cmcore.tracking.store import Tracking
from cmcore.tracking.tables import TRACKING_BRANCH
from tests.unit.tracking.log import START

BRANCHES = [STATE_BRANCH, TRACKING_BRANCH]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that has all tables, to be copied: migrating takes 80 ms."""
    file = tmp_path_factory.mktemp("migrated") / "state.db"
    StateDatabase.open(f"sqlite:///{file}", branches=BRANCHES).close()
    return file


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Iterator[StateDatabase]:
    copy = shutil.copy(migrated, tmp_path / "state.db")
    database = StateDatabase.open(f"sqlite:///{copy}", branches=BRANCHES)
    yield database
    database.close()


@pytest.fixture
def tracking(database: StateDatabase) -> Tracking:
    return Tracking(database, clock=lambda: START + 100)
