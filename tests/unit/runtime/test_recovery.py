"""What a dead driver left undone is closed and told by the one that takes over."""

from __future__ import annotations

import pytest

from cmcore.errors import ConflictError
from cmcore.events import EventKind
from cmcore.lineage.record import ExecutionRecord, ExecutionState
from cmcore.runtime import recovery
from cmcore.runtime.job import Outcome
from cmcore.runtime.publish import completed
from cmcore.runtime.run import run_record
from cmcore.runtime.states import RunState
from cmcore.state.runs import RunRow
from tests.unit.runtime.world import KilledError, World, chain

PLAN = chain("one", "two")
SECOND_JOURNALED = 11  # writes until the second node is journaled and its record is not begun
FIRST_RECORDED = 7  # writes until the first node is recorded and its end is not journaled


def killed(world: World, writes: int) -> str:
    """A run whose driver died after so many writes."""
    world.doom.left = writes
    with pytest.raises(KilledError):
        world.run(PLAN)
    return world.ledger.runs.list(limit=1)[0].run


def told(world: World, run: str, node: str) -> int:
    events = world.journal.read(run=run)
    return sum(event.kind is EventKind.NODE_FINISHED and event.node == node for event in events)


@pytest.fixture
def journaled_only(world: World) -> str:
    """A run whose second node was journaled and never begun."""
    return killed(world, SECOND_JOURNALED)


def test_an_attempt_that_was_journaled_only_is_open(world: World, journaled_only: str) -> None:
    found = recovery.open_attempts(PLAN, journaled_only, "tester", world.backends())
    assert [execution.name for execution in found] == [f"{journaled_only}/two/1"]


def test_an_attempt_that_was_journaled_only_is_closed_by_its_successor(world: World, journaled_only: str) -> None:
    world.resume(journaled_only)
    assert world.executions(journaled_only, "two") == ["FAILED", "COMPLETE"]


def test_the_one_who_slept_can_publish_nothing_in_an_attempt_that_was_closed(world: World, journaled_only: str) -> None:
    sleeper: ExecutionRecord = recovery.open_attempts(PLAN, journaled_only, "tester", world.backends())[0]
    recovery.close_lost_attempts(PLAN, journaled_only, "tester", world.backends())
    world.lineage.begin(sleeper)
    with pytest.raises(ConflictError):
        world.lineage.commit(completed(sleeper, Outcome(address=sleeper.name), 2.0))


def test_what_the_sleeper_published_in_the_very_moment_counts(world: World, journaled_only: str) -> None:
    backends = world.backends()
    sleeper = recovery.open_attempts(PLAN, journaled_only, "tester", backends)[0]
    world.lineage.commit(completed(sleeper, Outcome(address=sleeper.name), 2.0))
    recovery.close_lost_attempts(PLAN, journaled_only, "tester", backends)
    assert world.executions(journaled_only, "two") == [ExecutionState.COMPLETE]


def test_an_end_that_was_recorded_and_not_journaled_is_told_by_the_successor(world: World) -> None:
    run = killed(world, FIRST_RECORDED)
    before = told(world, run, "one")
    world.resume(run)
    assert (before, told(world, run, "one")) == (0, 1)


def test_an_end_that_was_journaled_is_not_told_again(world: World, journaled_only: str) -> None:
    world.resume(journaled_only)
    assert told(world, journaled_only, "one") == 1


def test_a_resumed_run_succeeds(world: World, journaled_only: str) -> None:
    assert world.resume(journaled_only).state is RunState.SUCCEEDED


def test_the_row_of_a_run_has_every_fact_that_the_lineage_is_told(world: World) -> None:
    run = killed(world, 0)
    recorded = run_record(recovered_row(world, run))
    assert recorded.facts == world.lineage.runs()[0].facts != {}


def recovered_row(world: World, run: str) -> RunRow:
    row = world.ledger.runs.get(run)
    assert row is not None
    return row
