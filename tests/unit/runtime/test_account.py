"""Accounts of runs, told from their records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cmcore.runtime.account import RunAccount, account, line_document, run_document
from cmcore.runtime.states import NodeState
from cmcore.state.holder import Holder
from cmcore.state.runs import RunRow
from tests.unit.runtime.world import RAISES, World, chain, plan, step

MakeWorld = Callable[..., World]
ROW = RunRow(
    run="r", project="p", pipeline="p", actor="a", state="RUNNING", created_at=0.0, finished_at=None,
    plan='{"nodes": [{"name": "a", "kind": "component"}]}', options="{}",
)  # fmt: skip


def told(world: World, run: str) -> RunAccount:
    """The account of a run of a world."""
    row = world.ledger.runs.get(run)
    assert row is not None
    return account(row, world.journal.of_run(run), world.ledger.leases.holder(f"run/{run}"))


def counts(found: RunAccount) -> dict[str, int]:
    """The counts that are not 0."""
    return {word: count for word, count in found.counts.items() if count}


def test_a_first_run_executes_every_node(world: World) -> None:
    assert counts(told(world, world.run(chain("a", "b")).run)) == {"executed": 2}


def test_a_second_run_executes_none(world: World) -> None:
    world.run(chain("a", "b"))
    assert counts(told(world, world.run(chain("a", "b")).run)) == {"cached": 2}


def test_a_failure_and_what_it_skips_are_counted(make_world: MakeWorld) -> None:
    world = make_world(script={"a": [RAISES]})
    found = told(world, world.run(chain("a", "b")).run)
    assert (found.state, counts(found)) == ("FAILED", {"failed": 1, "skipped": 1})


def test_a_resumed_run_counts_how_its_nodes_stand_in_the_end(make_world: MakeWorld) -> None:
    world = make_world(script={"b": [RAISES]})
    run = world.run(chain("a", "b")).run
    world.resume(run)
    found = told(world, run)
    assert (found.state, counts(found), found.nodes["b"].attempts) == ("SUCCEEDED", {"executed": 2}, 2)


def test_the_time_of_a_node_is_that_of_its_last_attempt(world: World) -> None:
    past = told(world, world.run(plan(step("a"))).run).nodes["a"]
    assert (past.state, past.ended_at) == (NodeState.COMPLETE, past.started_at)


@pytest.mark.parametrize(
    ("state", "held", "shown"),
    [
        ("RUNNING", False, "LOST"),
        ("RUNNING", True, "RUNNING"),
        ("FAILED", True, "RUNNING"),
        ("FAILED", False, "FAILED"),
    ],
)
def test_a_run_stands_as(state: str, held: bool, shown: str) -> None:
    assert account(replace(ROW, state=state), [], Holder.this("bob") if held else None).state == shown


def test_a_line_names_the_holder() -> None:
    assert line_document(account(ROW, [], Holder.this("bob")))["holder"] == str(Holder.this("bob"))


def test_a_run_in_full_names_outputs_and_failures_by_node(make_world: MakeWorld) -> None:
    world = make_world(script={"b": [RAISES]})
    run = world.run(chain("a", "b")).run
    nodes = run_document(told(world, run), {"source": "x.py"}, world.lineage.executions(run))["nodes"]
    assert isinstance(nodes, list)
    assert [(node["outputs"] != [], node["failure"] != {}) for node in nodes] == [(True, False), (False, True)]  # type: ignore[index,call-overload] # JSON
