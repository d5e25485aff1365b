"""A fresh registry on SQLite per test, for two actors, with a clock that a test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

import pytest

from cmcore.registry.store import Registry
from cmcore.registry.tables import REGISTRY_BRANCH
from cmcore.state.database import StateDatabase
from cmcore.state.migration import STATE_BRANCH
from tests.unit.registry.samples import NOW

BRANCHES = [STATE_BRANCH, REGISTRY_BRANCH]


@dataclass
class Watch:
    """A clock that a test sets."""

    seconds: float = NOW

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose tables have been made, to be copied."""
    path = tmp_path_factory.mktemp("registry") / "state.db"
    StateDatabase.open(f"sqlite:///{path}", branches=BRANCHES).close()
    return path


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Iterator[StateDatabase]:
    path = copyfile(migrated, tmp_path / "state.db")
    database = StateDatabase.open(f"sqlite:///{path}", branches=BRANCHES)
    yield database
    database.close()


@pytest.fixture
def registry_of(database: StateDatabase, watch: Watch) -> Callable[[str], Registry]:
    """The registry as somebody uses it."""
    return lambda actor: Registry(database, actor=actor, clock=watch)


@pytest.fixture
def registry(registry_of: Callable[[str], Registry]) -> Registry:
    return registry_of("ana")


@pytest.fixture
def bobs(registry_of: Callable[[str], Registry]) -> Registry:
    return registry_of("bob")
