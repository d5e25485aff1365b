"""The states of nodes and runs, and the one table of how they change."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from cmcore.errors import StateError
from cmcore.pipelines.document import OnFailure
from cmcore.pipelines.plan import Plan, PlannedNode


class NodeState(StrEnum):
    """Where a node of a run stands."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    BACKING_OFF = "BACKING_OFF"
    COMPLETE = "COMPLETE"
    CACHED = "CACHED"
    REUSED = "REUSED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    SKIPPED = "SKIPPED"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to the node in this run."""
        return not TRANSITIONS[self]

    @property
    def published(self) -> bool:
        """Whether the node's outputs can be read."""
        return self in (NodeState.COMPLETE, NodeState.CACHED, NodeState.REUSED)


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


TRANSITIONS: Mapping[NodeState, frozenset[NodeState]] = {
    NodeState.WAITING: frozenset(
        {NodeState.RUNNING, NodeState.CACHED, NodeState.COMPLETE, NodeState.REUSED, NodeState.SKIPPED,
         NodeState.CANCELED, NodeState.FAILED}
    ),
    NodeState.RUNNING: frozenset(
        {NodeState.COMPLETE, NodeState.CACHED, NodeState.BACKING_OFF, NodeState.FAILED, NodeState.CANCELED}
    ),
    NodeState.BACKING_OFF: frozenset({NodeState.WAITING, NodeState.CANCELED}),
    NodeState.COMPLETE: frozenset(),
    NodeState.CACHED: frozenset(),
    NodeState.REUSED: frozenset(),
    NodeState.FAILED: frozenset(),
    NodeState.CANCELED: frozenset(),
    NodeState.SKIPPED: frozenset(),
}  # fmt: skip
UNFINISHED = frozenset(state for state, following in TRANSITIONS.items() if following)


def moved(before: NodeState, after: NodeState) -> NodeState:
    """The new state; raises StateError for a change that the table does not have."""
    if after not in TRANSITIONS[before]:
        raise StateError(f"a node cannot go from {before} to {after}")
    return after


def blocked_by(node: PlannedNode, states: Mapping[str, NodeState]) -> str:
    """Why a ready node cannot run: an upstream node was not published; empty if it can."""
    return next((f"node {name!r} is {states[name]}" for name in node.upstream if not states[name].published), "")


def stopping(plan: Plan, states: Mapping[str, NodeState]) -> str:
    """The failed node that stops the whole run; empty if none does."""
    if NodeState.FAILED not in states.values():
        return ""
    return next(
        (
            node.name
            for node in plan.nodes
            if states.get(node.name) is NodeState.FAILED and node.on_failure is OnFailure.STOP
        ),
        "",
    )


def verdict(states: Mapping[str, NodeState]) -> RunState:
    """The run's state once all its nodes are over."""
    found = set(states.values())
    if NodeState.CANCELED in found:
        return RunState.CANCELED
    return RunState.FAILED if NodeState.FAILED in found else RunState.SUCCEEDED
