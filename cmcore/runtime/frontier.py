"""Frontier: the nodes of a run whose turn has come. It knows their order; whether one may run is for others to say."""

from __future__ import annotations

from collections.abc import Mapping

from cmcore.pipelines.plan import Plan, PlannedNode
from cmcore.runtime.states import NodeState


class Frontier:
    """The waiting nodes whose upstream nodes are all over, in the order in which their turn came.

    A change of state costs what it touches: asked of all nodes after each event, the question took a tenth of the
    time of a chain of 300. `states` is the driver's own, looked at when `moved` says that one of them has changed.
    """

    def __init__(self, plan: Plan, states: Mapping[str, NodeState]) -> None:
        self._states = states
        self._nodes = {node.name: node for node in plan.nodes}
        self._awaited = {node.name: {name for name in node.upstream if not states[name].over} for node in plan.nodes}
        self._downstream: dict[str, list[str]] = {name: [] for name in self._nodes}
        for node in plan.nodes:
            for name in node.upstream:
                self._downstream[name].append(node.name)
        self._ready: dict[str, PlannedNode] = {}
        for name in self._nodes:
            self._consider(name)

    def ready(self) -> list[PlannedNode]:
        """The nodes whose turn it is now."""
        return list(self._ready.values())

    def moved(self, name: str) -> None:
        """Take note that a node's state has changed."""
        self._consider(name)
        if self._states[name].over:
            for waiting in self._downstream[name]:
                self._awaited[waiting].discard(name)
                self._consider(waiting)

    def _consider(self, name: str) -> None:
        if self._states[name] is NodeState.WAITING and not self._awaited[name]:
            self._ready[name] = self._nodes[name]
        else:
            self._ready.pop(name, None)
