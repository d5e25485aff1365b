"""Records for tests of lineage stores: a run, executions and artifacts, each as a test wants it changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from pydantic import JsonValue

from cmcore.errors import ConflictError
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState, RunRecord
from cmcore.lineage.store import LineageStore

RUN = RunRecord(run="r1", pipeline="flights", project="demo", actor="ada", facts={"code": {"commit": "c0ffee"}})


def an_execution(name: str = "r1/train/1", **changes: object) -> ExecutionRecord:
    """A RUNNING execution of the contract's run; its node is the middle of its name."""
    run, node, _ = name.split("/")
    running = ExecutionRecord(
        name=name,
        type_name=node.capitalize(),
        state=ExecutionState.RUNNING,
        project=RUN.project,
        pipeline=RUN.pipeline,
        run=run,
        node=node,
        actor=RUN.actor,
    )
    return replace(running, **changes)  # type: ignore[arg-type] # a test names the fields that it changes


def an_artifact(name: str, **changes: object) -> ArtifactRecord:
    """A Model that has not been recorded yet; its digest follows from its name."""
    new = ArtifactRecord(
        name=name, type_name="Model", uri=f"file:///{name}", digest=f"sha256:{name}", system_type="MODEL"
    )
    return replace(new, **changes)  # type: ignore[arg-type] # a test names the fields that it changes


def completed(execution: ExecutionRecord, *outputs: ArtifactRecord) -> ExecutionRecord:
    """The execution, COMPLETE, with its outputs under the key `model`."""
    edges = tuple(Edge(key="model", index=index, artifact=artifact) for index, artifact in enumerate(outputs))
    return replace(execution, state=ExecutionState.COMPLETE, outputs=edges)


def publish(
    lineage: LineageStore,
    name: str,
    *inputs: ArtifactRecord,
    properties: Mapping[str, JsonValue] = MappingProxyType({}),
    output: Mapping[str, object] = MappingProxyType({}),
    **changes: object,
) -> ArtifactRecord:
    """Begin and commit an execution that reads these artifacts; the answer is its one output as recorded.

    `output` changes fields of the artifact, `changes` those of the execution.
    """
    edges = tuple(Edge(key="data", index=index, artifact=artifact) for index, artifact in enumerate(inputs))
    execution = an_execution(name, inputs=edges, **changes)
    lineage.begin(execution)
    made = an_artifact(f"{name}/model/0", properties=properties, **output)
    return lineage.commit(completed(execution, made)).outputs[0].artifact


def publish_all(
    lineage: LineageStore, *names: str, inputs: tuple[ArtifactRecord, ...] = (), cache_key: str = ""
) -> None:
    """Publish one execution after the other."""
    for name in names:
        publish(lineage, name, *inputs, cache_key=cache_key)


def open_all(lineage: LineageStore, *runs: str) -> None:
    """Open one run after the other."""
    for run in runs:
        lineage.open_run(replace(RUN, run=run))


def outcome_or_error(lineage: LineageStore, execution: ExecutionRecord) -> object:
    """What a commit gives: the recorded outcome, or ConflictError as a value."""
    try:
        return lineage.commit(execution).outcome
    except ConflictError:
        return ConflictError
