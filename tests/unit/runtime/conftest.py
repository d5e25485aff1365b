"""Worlds for drivers, all of a module's on one state database."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cmcore.state.database import StateDatabase
from tests.unit.runtime.world import Doom, MortalJournal, MortalLineage, World

MakeWorld = Callable[..., World]


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateDatabase]:
    database = StateDatabase.open(f"sqlite:///{tmp_path_factory.mktemp('state') / 'state.db'}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def make_world(database: StateDatabase, tmp_path_factory: pytest.TempPathFactory) -> MakeWorld:
    """A new world: `make_world(script={"train": ["raises", "fine"]})`."""
    folder = tmp_path_factory.mktemp("world")
    journal = MortalJournal(database)

    def make(**given: object) -> World:
        doom = Doom()
        journal.doom = doom
        return World(folder=folder, database=database, journal=journal, doom=doom, lineage=MortalLineage(doom), **given)

    return make


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()
