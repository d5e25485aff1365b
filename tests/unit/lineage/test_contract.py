"""The contract for the stores that need no server: in memory, SQLite in process, and SQLite behind a child."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.lineage.blobs import FolderBlobs
from cmcore.lineage.database import MlmdLineage
from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.store import LineageStore
from cmcore.testing.lineage import LineageStoreContract


class TestMemory(LineageStoreContract):
    @pytest.fixture
    def lineage(self) -> LineageStore:
        return MemoryLineage()


class TestSqlite(LineageStoreContract):
    @pytest.fixture
    def lineage(self, tmp_path: Path) -> Iterator[LineageStore]:
        store = sqlite(tmp_path)
        yield store
        store.close()

    @pytest.fixture
    def another(self, lineage: LineageStore, tmp_path: Path) -> Iterator[LineageStore]:
        store = sqlite(tmp_path)
        yield store
        store.close()


def sqlite(folder: Path) -> MlmdLineage:
    return MlmdLineage(f"sqlite:///{folder}/metadata.db", FolderBlobs(folder / "blobs"))
