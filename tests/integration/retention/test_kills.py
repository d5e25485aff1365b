"""`cm gc --expired --delete` killed again and again: no promise is broken, and in the end all of it is done."""

from __future__ import annotations

import random
from itertools import chain
from pathlib import Path

import pytest

from cmcore.failpoint import COLLECTION_NAMES
from tests.integration.retention.past import Found, collect, grow, look, make

pytestmark = pytest.mark.integration

KILLS, RUNS, NODES = 10, 15, 8
PASSES = dict(zip(COLLECTION_NAMES, (2, 2, 60), strict=True))  # of which one is the last for a collector
KILLED = -9


def killed(folder: Path, chance: random.Random) -> tuple[int, Found]:
    """One collection with a kill at a place or a moment of chance, and what it left."""
    if chance.random() < 0.3:
        ended = collect(folder, after_s=chance.uniform(0.5, 1.5))
    else:
        place = chance.choice(COLLECTION_NAMES)
        ended = collect(folder, failpoint=f"{place}:{chance.randint(1, PASSES[place])}")
    return ended, look(folder)


@pytest.fixture(scope="module", params=[1, 2, 3])
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, Found]]:
    """What was found after each of the kills, with more to collect each time; at last nobody kills."""
    folder = tmp_path_factory.mktemp("killed") / "project"
    folder.mkdir()
    make(folder)
    chance = random.Random(request.param)
    found = []
    for number in range(KILLS):
        grow(folder, runs=range(number * RUNS + 1, (number + 1) * RUNS + 1), nodes=NODES)
        found.append(killed(folder, chance))
    return [*found, (collect(folder), look(folder))]


def test_the_collections_were_killed(history: list[tuple[int, Found]]) -> None:
    assert sum(ended == KILLED for ended, _ in history) >= KILLS - 3


def test_no_record_claims_a_payload_that_is_gone_and_no_needed_one_goes(history: list[tuple[int, Found]]) -> None:
    assert set(chain.from_iterable(found.broken_promises for _, found in history)) == set()


def test_the_next_collection_completes_it(history: list[tuple[int, Found]]) -> None:
    ended, found = history[-1]
    assert (ended, found.live, found.whole, found.payloads) == (0, found.needed, found.needed, 2)


def test_each_deletion_is_told_once(history: list[tuple[int, Found]]) -> None:
    told = history[-1][1].told
    assert (len(told), len(set(told))) == (KILLS * RUNS * NODES,) * 2
