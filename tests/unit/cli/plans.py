"""Plans and results as values, for tests of what is shown of them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from cmcore.components.spec import ComponentSpec, InputSpec, OutputSpec
from cmcore.lineage.record import ArtifactRecord
from cmcore.pipelines.plan import NodeKind, Plan, PlannedNode, Source
from cmcore.runtime.job import Failure
from cmcore.runtime.run import NodeResult, RunResult
from cmcore.runtime.states import NodeState, RunState

READS = ComponentSpec(
    name="Reads", inputs={"data": InputSpec(type="Files")}, outputs={"score": OutputSpec(type="float")}
)
WRITES = ComponentSpec(name="Writes", outputs={"data": OutputSpec(type="Files")})


def node(name: str, *upstream: str, kind: NodeKind = NodeKind.COMPONENT) -> PlannedNode:
    """A node that reads `data` of the nodes before it."""
    sources = [Source(node=each, output="data") for each in upstream]
    return PlannedNode(
        name=name,
        kind=kind,
        spec=READS if upstream else WRITES,
        inputs={"data": sources} if upstream else {},
        upstream=list(upstream),
    )


def plan(*nodes: PlannedNode) -> Plan:
    """A plan of these nodes; by default one that writes and one that reads."""
    return Plan(pipeline="demo", project="p", source="/p/demo.py", nodes=list(nodes or (node("w"), node("r", "w"))))


def artifact(name: str, **facts: JsonValue) -> ArtifactRecord:
    """A recorded artifact."""
    uri = f"file:///p/.cm/artifacts/{name}"
    return ArtifactRecord(name=name, type_name="Files", uri=uri, digest="sha256:" + "ab" * 32, facts=facts)


def result(states: Mapping[str, NodeState], failure: Failure | None = None) -> RunResult:
    """A run that ended with nodes in these states; `failure` is that of the failed one."""
    failed = NodeState.FAILED in states.values()
    return RunResult(
        run="demo-1",
        pipeline="demo",
        state=RunState.FAILED if failed else RunState.SUCCEEDED,
        nodes={
            name: NodeResult(state=state, attempt=1, failure=failure if state is NodeState.FAILED else None)
            for name, state in states.items()
        },
        outputs={
            name: {"data": (artifact(f"demo-1/{name}/1/data/0"),)} for name, state in states.items() if state.published
        },
        duration_s=1.5,
    )
