from __future__ import annotations

import pytest

from cmcore.errors import StateError
from cmcore.runtime.states import TRANSITIONS, NodeState, RunState, blocked_by, moved, stopping, verdict
from tests.unit.runtime.world import chain, plan, step

S = NodeState
OVER = {S.COMPLETE, S.CACHED, S.REUSED, S.FAILED, S.CANCELED, S.SKIPPED}
CHANGES = [(before, after) for before, found in TRANSITIONS.items() for after in found]
NO_CHANGES = [(before, after) for before in S for after in S if after not in TRANSITIONS[before]]


def test_every_state_has_its_row() -> None:
    assert set(TRANSITIONS) == set(S)


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_a_change_of_the_table_is_made(before: NodeState, after: NodeState) -> None:
    assert moved(before, after) is after


@pytest.mark.parametrize(("before", "after"), NO_CHANGES)
def test_any_other_change_is_refused(before: NodeState, after: NodeState) -> None:
    with pytest.raises(StateError, match=f"cannot go from {before} to {after}"):
        moved(before, after)


@pytest.mark.parametrize("state", S)
def test_a_state_without_a_way_out_is_over(state: NodeState) -> None:
    assert state.over is (state in OVER)


@pytest.mark.parametrize("state", set(S) - OVER)
def test_from_every_other_state_there_is_a_way_to_the_end(state: NodeState) -> None:
    reached = {state}
    for _ in S:
        reached |= {after for before in reached for after in TRANSITIONS[before]}
    assert reached >= {S.COMPLETE, S.FAILED, S.CANCELED, S.SKIPPED}


@pytest.mark.parametrize("state", S)
def test_what_is_published_can_be_read(state: NodeState) -> None:
    assert state.published is (state in {S.COMPLETE, S.CACHED, S.REUSED})


@pytest.mark.parametrize("state", OVER)
def test_a_node_is_blocked_by_an_upstream_that_was_not_published(state: NodeState) -> None:
    node = chain("a", "b").node("b")
    assert blocked_by(node, {"a": state}) == ("" if state.published else f"node 'a' is {state}")


def test_a_failure_that_may_be_left_behind_stops_nothing() -> None:
    graph = plan(step("a", stop=False), step("b"))
    assert stopping(graph, {"a": S.FAILED, "b": S.WAITING}) == ""


def test_any_other_failure_stops_the_run() -> None:
    assert stopping(plan(step("a"), step("b")), {"a": S.FAILED, "b": S.WAITING}) == "a"


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ([], RunState.SUCCEEDED), ([S.COMPLETE, S.CACHED, S.REUSED], RunState.SUCCEEDED),
        ([S.COMPLETE, S.SKIPPED], RunState.SUCCEEDED), ([S.COMPLETE, S.FAILED], RunState.FAILED),
        ([S.FAILED, S.CANCELED], RunState.CANCELED), ([S.COMPLETE, S.CANCELED], RunState.CANCELED),
    ],
)  # fmt: skip
def test_the_states_of_the_nodes_make_that_of_the_run(states: list[NodeState], state: RunState) -> None:
    assert verdict(dict(enumerate(states))) is state
