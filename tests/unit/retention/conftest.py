"""A fresh SQLite state database with the table of pins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.retention.tables import RETENTION_BRANCH
from cmcore.state.database import StateDatabase
from cmcore.state.migration import STATE_BRANCH


@pytest.fixture
def database(tmp_path: Path) -> Iterator[StateDatabase]:
    database = StateDatabase.open(f"sqlite:///{tmp_path}/state.db", branches=[STATE_BRANCH, RETENTION_BRANCH])
    yield database
    database.close()
