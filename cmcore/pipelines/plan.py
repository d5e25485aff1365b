"""Plan: a pipeline bound to parameters and code; JSON, versioned, complete enough to resume a run from.

Values only. Making a plan is `graph`; what a node will find in the cache is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue

from cmcore.components.spec import ComponentSpec, Frozen
from cmcore.document.write import canonical
from cmcore.pipelines.document import CachePolicy, OnFailure, Retries
from cmcore.resources import Resources

PLAN_VERSION: Literal[1] = 1


class NodeKind(StrEnum):
    """Who does the node's work: the launcher for components, the driver for the others."""

    COMPONENT = "component"
    IMPORTER = "importer"
    RESOLVER = "resolver"
    LITERAL = "literal"


class Source(Frozen):
    """An output of a node that something reads."""

    node: str
    output: str


class Code(Frozen):
    """What code a node will run: the references to it, the digests of their import closures, what those consist of."""

    digest: str
    references: list[str] = []
    files: dict[str, str] = {}
    distributions: dict[str, str] = {}


class LayeredValue(Frozen):
    """A parameter's value and the layer that set it: default, file, environment or set."""

    value: JsonValue
    layer: str


class PlannedNode(Frozen):
    """One node, checked. `parameters` may still hold `${...}`; `upstream` names all nodes that must end before.

    `when`, `map` and `container` are the places of conditions, maps and images; version 1 of the format has none.
    """

    name: str
    kind: NodeKind
    spec: ComponentSpec
    reference: str = ""
    inputs: dict[str, list[Source]] = {}
    parameters: dict[str, JsonValue] = {}
    upstream: list[str] = []
    code: Code | None = None
    in_process: bool = False
    retries: Retries = Retries()
    timeout_s: float | None = None
    resources: Resources = Resources()
    cache: CachePolicy = CachePolicy.AUTO
    on_failure: OnFailure = OnFailure.STOP
    labels: dict[str, str] = {}
    when: None = None
    map: None = None
    container: None = None


class Plan(Frozen):
    """The whole graph in an order in which it can run."""

    version: Literal[1] = PLAN_VERSION
    pipeline: str
    project: str
    source: str = ""
    roots: list[str] = []
    parameters: dict[str, LayeredValue] = {}
    environment: dict[str, str] = Field(default={}, description="The variables that ${env.NAME} named")
    python: str = ""
    nodes: list[PlannedNode]

    def node(self, name: str) -> PlannedNode:
        """The node of that name; KeyError for any other."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def encoded(self) -> str:
        """The plan as its JSON text."""
        return canonical(self.model_dump(mode="json", exclude_defaults=True) | {"version": self.version}).decode()


def downstream(plan: Plan, names: Iterable[str]) -> set[str]:
    """Everything that needs one of these nodes, directly or not; the nodes themselves not included."""
    reached = set(names)
    start = set(reached)
    for node in plan.nodes:
        if reached & set(node.upstream):
            reached.add(node.name)
    return reached - start


def upstream(plan: Plan, names: Iterable[str]) -> set[str]:
    """Everything that these nodes need, directly or not; the nodes themselves not included."""
    reached = set(names)
    start = set(reached)
    for node in reversed(plan.nodes):
        if node.name in reached:
            reached.update(node.upstream)
    return reached - start


def selected(plan: Plan, *, first: Iterable[str] = (), last: Iterable[str] = (), only: Iterable[str] = ()) -> set[str]:
    """The nodes that `--from`, `--to` and `--only` leave; all of them if nothing is asked."""
    names = {node.name for node in plan.nodes}
    if only := set(only):
        return only
    if first := set(first):
        names &= first | downstream(plan, first)
    if last := set(last):
        names &= last | upstream(plan, last)
    return names
