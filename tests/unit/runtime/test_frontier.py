from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cmcore.pipelines.plan import Plan
from cmcore.runtime.frontier import Frontier
from cmcore.runtime.states import TRANSITIONS, NodeState
from tests.unit.runtime.world import plans


def expected(plan: Plan, states: dict[str, NodeState]) -> set[str]:
    """The definition: waiting, with everything upstream over."""
    return {
        node.name
        for node in plan.nodes
        if states[node.name] is NodeState.WAITING and all(states[up].over for up in node.upstream)
    }


@given(plan=plans(), data=st.data())
def test_a_frontier_starts_from_any_states(plan: Plan, data: st.DataObject) -> None:
    states = {node.name: data.draw(st.sampled_from(NodeState)) for node in plan.nodes}
    assert {node.name for node in Frontier(plan, states).ready()} == expected(plan, states)


@given(plan=plans(), data=st.data())
def test_after_any_changes_it_has_the_nodes_that_the_definition_says(plan: Plan, data: st.DataObject) -> None:
    states = {node.name: NodeState.WAITING for node in plan.nodes}
    frontier = Frontier(plan, states)
    for name in data.draw(st.lists(st.sampled_from(sorted(states)), max_size=20)):
        states[name] = data.draw(st.sampled_from(sorted(TRANSITIONS[states[name]] or {states[name]})))
        frontier.moved(name)
    assert {node.name for node in frontier.ready()} == expected(plan, states)
