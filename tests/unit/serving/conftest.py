"""A fresh state database with the tables of endpoints, and tiny models to serve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.serving.store import Endpoints
from cmcore.serving.tables import SERVING_BRANCH
from cmcore.state.database import StateDatabase
from cmcore.state.holder import Holder
from cmcore.state.lease import Lease, Leases
from cmcore.state.migration import STATE_BRANCH


@pytest.fixture
def database(tmp_path: Path) -> Iterator[StateDatabase]:
    database = StateDatabase.open(f"sqlite:///{tmp_path}/state.db", branches=[STATE_BRANCH, SERVING_BRANCH])
    yield database
    database.close()


@pytest.fixture
def endpoints(database: StateDatabase) -> Endpoints:
    return Endpoints(database, project="demo", actor="ada")


@pytest.fixture
def lease(database: StateDatabase) -> Lease:
    return Leases(database).acquire("controller/demo", Holder.this("ada"), ttl_s=60)
