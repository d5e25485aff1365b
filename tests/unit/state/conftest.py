"""A fresh SQLite state database per test, and the holders that quarrel about its leases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.state.database import StateDatabase
from cmcore.state.holder import Holder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def database(path: Path) -> Iterator[StateDatabase]:
    database = StateDatabase.open(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def ana() -> Holder:
    return Holder.this("ana")


@pytest.fixture
def bob() -> Holder:
    return Holder(host="elsewhere", boot_id="another-boot", pid=4711, process_started="1@1", actor="bob")
