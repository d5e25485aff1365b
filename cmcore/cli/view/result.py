"""The result of a run as values: JSON for programs, and the facts that the summary words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from cmcore.address import Address
from cmcore.cli.view.board import Board
from cmcore.errors import UsageError
from cmcore.lineage.record import ArtifactRecord
from cmcore.pipelines.plan import NodeKind, Plan
from cmcore.runtime import account
from cmcore.runtime.account import counts_of
from cmcore.runtime.job import ADVICE, Failure
from cmcore.runtime.resolve import given_to
from cmcore.runtime.run import RunResult
from cmcore.runtime.states import NodeState
from cmcore.storage.location import is_local, local_path


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureReport:
    """A node that failed: why, on which inputs (name, URI), and what to do next."""

    node: str
    address: str
    failure: Failure
    inputs: tuple[tuple[str, str], ...]
    advice: str


def failure_reports(plan: Plan, result: RunResult, target: str) -> list[FailureReport]:
    """The failures of a run; `target` is how its pipeline was named on the command line."""
    return [
        report(plan, result, name, node.failure, node.attempt, target)
        for name, node in result.nodes.items()
        if node.failure is not None and node.state is NodeState.FAILED
    ]


def report(plan: Plan, result: RunResult, name: str, failure: Failure, attempt: int, target: str) -> FailureReport:
    """One failure with its surroundings."""
    address = str(Address(run=result.run, node=name, attempt=attempt))
    words = {"source": target or plan.source, "node": name, "address": address, "run": result.run}
    return FailureReport(
        node=name,
        address=address,
        failure=failure,
        inputs=tuple(inputs_of(plan, result, name)),
        advice=ADVICE[failure.code].format(**words),
    )


def inputs_of(plan: Plan, result: RunResult, name: str) -> Iterator[tuple[str, str]]:
    """What a node was given: input names and URIs, as far as they are known."""
    try:
        given = given_to(plan, plan.node(name), result.outputs, result.run)
    except UsageError:
        return
    for key, artifacts in given.inputs.items():
        yield from ((key, artifact.uri) for artifact in artifacts)


def leaves(plan: Plan) -> list[str]:
    """The nodes whose outputs nobody in the pipeline reads."""
    read = {source.node for node in plan.nodes for sources in node.inputs.values() for source in sources}
    return [node.name for node in plan.nodes if node.name not in read and node.kind is not NodeKind.LITERAL]


def place_of(artifact: ArtifactRecord) -> str:
    """The local path of an artifact; its URI where it has none."""
    return local_path(artifact.uri) if is_local(artifact.uri) else artifact.uri


def result_counts(plan: Plan, result: RunResult) -> dict[str, int]:
    """How many nodes of the run ended in which way."""
    kinds = {node.name: node.kind for node in plan.nodes}
    return counts_of(kinds, {name: node.state for name, node in result.nodes.items()})


def result_document(plan: Plan, result: RunResult, board: Board, target: str) -> dict[str, JsonValue]:
    """The last line of `cm run --json`."""
    reports = {each.node: each for each in failure_reports(plan, result, target)}
    nodes: dict[str, JsonValue] = {}
    for name, node in result.nodes.items():
        entry: dict[str, JsonValue] = {"state": node.state.value, "attempt": node.attempt, "reason": node.reason}
        if name in board.rows and board.rows[name].metrics:
            entry["metrics"] = dict(board.rows[name].metrics)
        if name in reports:
            entry["failure"] = reports[name].failure.model_dump(mode="json")
            entry["inputs"] = [{"name": key, "uri": uri} for key, uri in reports[name].inputs]
            entry["advice"] = reports[name].advice
        nodes[name] = entry
    outputs = {name: outputs_document(found) for name, found in result.outputs.items()}
    return {
        "kind": "result",
        "run": result.run,
        "pipeline": result.pipeline,
        "state": result.state.value,
        "duration_s": round(result.duration_s, 3),
        "counts": dict(result_counts(plan, result)),
        "nodes": nodes,
        "outputs": dict(outputs),
    }


def outputs_document(outputs: Mapping[str, tuple[ArtifactRecord, ...]]) -> JsonValue:
    """The published artifacts of one node, by output."""
    return {key: [artifact_document(artifact) for artifact in found] for key, found in outputs.items()}


def artifact_document(artifact: ArtifactRecord) -> dict[str, JsonValue]:
    """One artifact with its local path, if it has one."""
    path = local_path(artifact.uri) if is_local(artifact.uri) else None
    return {**account.artifact_document(artifact), "path": path}
