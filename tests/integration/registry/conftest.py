"""A fresh registry's database on SQLite and on a private PostgreSQL: one suite for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cmcore.registry.store import Registry
from cmcore.registry.tables import REGISTRY_BRANCH
from cmcore.state.database import StateDatabase
from cmcore.state.migration import STATE_BRANCH
from tests.integration.state.conftest import postgres, url

__all__ = ["postgres", "url"]  # fixtures
BRANCHES = [STATE_BRANCH, REGISTRY_BRANCH]


@pytest.fixture
def database(url: str) -> Iterator[StateDatabase]:
    database = StateDatabase.open(url, branches=BRANCHES)
    yield database
    database.close()


@pytest.fixture
def registry_of(database: StateDatabase) -> Callable[[str], Registry]:
    """The registry as somebody uses it."""
    return lambda actor: Registry(database, actor=actor)


@pytest.fixture
def registry(registry_of: Callable[[str], Registry]) -> Registry:
    return registry_of("ana")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where one database for a whole module is to be, on either kind."""
    urls: dict[str, Callable[[], str]] = {
        "sqlite": lambda: f"sqlite:///{Path(tmp_path_factory.mktemp('registry'))}/state.db",
        "postgresql": lambda: str(request.getfixturevalue("postgres").fresh_url()),
    }
    return urls[request.param]()
