"""A fresh store of versions on SQLite, with a lineage in memory and a clock that is set by hand, per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest

from cmcore.datasets.chunks import ChunkStore
from cmcore.datasets.store import Datasets
from cmcore.datasets.tables import DATASETS_BRANCH
from cmcore.lineage.memory import MemoryLineage
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.migration import STATE_BRANCH
from tests.unit.datasets.folders import NOW, write


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, to be copied: Alembic takes a tenth of a second."""
    file = tmp_path_factory.mktemp("migrated") / "state.db"
    StateDatabase.open(f"sqlite:///{file}", branches=[STATE_BRANCH, DATASETS_BRANCH]).close()
    return file


@pytest.fixture
def database(tmp_path: Path, migrated: Path) -> Iterator[StateDatabase]:
    copyfile(migrated, tmp_path / "state.db")
    database = StateDatabase.open(f"sqlite:///{tmp_path}/state.db", branches=[STATE_BRANCH, DATASETS_BRANCH])
    yield database
    database.close()


@pytest.fixture
def journal(database: StateDatabase) -> Journal:
    return Journal(database)


@pytest.fixture
def lineage() -> MemoryLineage:
    return MemoryLineage()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "kept"


@pytest.fixture
def datasets(database: StateDatabase, lineage: MemoryLineage, root: Path) -> Datasets:
    return Datasets(database, root=root, lineage=lineage, project="shop", actor="ada", clock=lambda: NOW)


@pytest.fixture
def chunks(root: Path) -> ChunkStore:
    store = ChunkStore(root)
    store.claim("me")
    return store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tables, one of them in a folder of its own."""
    return write(tmp_path / "data", {"a.csv": "x\n1\n2\n", "more/b.csv": "x\n3\n"})
