"""From outcomes to records: the execution that the lineage is told of. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from cmcore.address import Address
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState
from cmcore.pipelines.plan import NodeKind, Plan, PlannedNode
from cmcore.runtime.job import Failure, Outcome, Output
from cmcore.runtime.resolve import Given
from cmcore.tracked import spelled

METRIC = "metric."  # the prefix of the facts that are metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Who runs what: the facts that every record of one run carries."""

    plan: Plan
    run: str
    actor: str

    def begun(
        self, address: Address, node: PlannedNode, given: Given, now: float, parts: Mapping[str, JsonValue], key: str
    ) -> ExecutionRecord:
        """The RUNNING execution of an attempt."""
        facts: dict[str, JsonValue] = {}
        if node.code:
            facts["code"] = node.code.digest
        if parts:
            facts["cache_parts"] = dict(parts)
        if given.values:
            facts["parameter_artifacts"] = [*given.values]
        return ExecutionRecord(
            name=str(address),
            type_name=node.spec.name,
            state=ExecutionState.RUNNING,
            project=self.plan.project,
            pipeline=self.plan.pipeline,
            run=self.run,
            node=node.name,
            actor=self.actor,
            cache_key=key,
            internal=node.kind is NodeKind.RESOLVER,
            parameters=dict(given.parameters),
            facts=facts,
            inputs=edges(given.inputs),
            created_at=now,
        )


def edges(artifacts: Mapping[str, Sequence[ArtifactRecord]]) -> tuple[Edge, ...]:
    """Artifacts by key as edges."""
    return tuple(
        Edge(key=key, index=index, artifact=artifact)
        for key, found in artifacts.items()
        for index, artifact in enumerate(found)
    )


def completed(begun: ExecutionRecord, outcome: Outcome, now: float) -> ExecutionRecord:
    """The COMPLETE execution of an outcome without a failure."""
    outputs = {key: [artifact_record(begun.name, key, output)] for key, output in outcome.outputs.items()}
    facts = {**begun.facts, **{f"{METRIC}{key}": value for key, value in outcome.metrics.items()}}
    facts["duration_s"] = round(outcome.duration_s, 6)
    return replace(begun, state=ExecutionState.COMPLETE, outputs=edges(outputs), facts=facts, finished_at=now)


def failed(begun: ExecutionRecord, failure: Failure, now: float, state: ExecutionState) -> ExecutionRecord:
    """The FAILED or CANCELED execution, with the reason."""
    reason: dict[str, JsonValue] = failure.model_dump(mode="json")
    facts = {**begun.facts, **{f"failure.{key}": value for key, value in reason.items() if value}}
    return replace(begun, state=state, facts=facts, finished_at=now)


def cached(begun: ExecutionRecord, hit: ExecutionRecord, now: float) -> ExecutionRecord:
    """The CACHED execution that uses the outputs of an earlier one, whose metrics are its own."""
    metrics = {key: value for key, value in hit.facts.items() if key.startswith(METRIC)}
    facts = {**begun.facts, **metrics, "cached_from": hit.name}
    return replace(begun, state=ExecutionState.CACHED, outputs=hit.outputs, facts=facts, finished_at=now)


def found(begun: ExecutionRecord, outputs: Mapping[str, Sequence[ArtifactRecord]], now: float) -> ExecutionRecord:
    """The COMPLETE execution of a resolver: its outputs are artifacts that exist."""
    return replace(begun, state=ExecutionState.COMPLETE, outputs=edges(outputs), finished_at=now)


def skipped(begun: ExecutionRecord, reason: str, now: float) -> ExecutionRecord:
    """The SKIPPED execution with its reason; one that will not be taken for an earlier result."""
    facts = {"skip_reason": reason}
    return replace(begun, state=ExecutionState.SKIPPED, facts=facts, cache_key="", finished_at=now)


def artifact_record(execution: str, key: str, output: Output) -> ArtifactRecord:
    """One sealed output as the lineage keeps it, under its unique name."""
    facts: dict[str, JsonValue] = {"size": output.size, "type": output.type}
    if output.derives_from:
        facts["derives_from"] = list(output.derives_from)
    if output.imported:
        facts["imported"] = True
    if output.has_value:
        facts["value"] = output.value
    return ArtifactRecord(
        name=f"{execution}/{key}/0",
        type_name=output.type_name,
        system_type=output.system_type,
        uri=output.uri,
        digest=output.digest,
        properties=output.properties,
        custom=output.custom,
        facts=facts,
    )


def new_artifacts(record: ExecutionRecord) -> list[dict[str, JsonValue]]:
    """What is told of the artifacts that an execution itself has published: not those it was served or found."""
    if record.internal or record.state is not ExecutionState.COMPLETE:
        return []
    return [
        {
            "output": edge.key,
            "name": edge.artifact.name,
            "type": edge.artifact.type_name,
            "uri": edge.artifact.uri,
            "digest": edge.artifact.digest,
            "id": edge.artifact.id,
            "properties": dict(edge.artifact.properties),
        }
        for edge in record.outputs
    ]


def told_of(record: ExecutionRecord) -> dict[str, JsonValue]:
    """What is told of a published execution beside its state: its place in ML-Metadata, its metrics.

    A number that a component returns is a metric of its node, unless it has told another of the same name.
    """
    returned = {edge.key: edge.artifact.facts.get("value") for edge in record.outputs}
    told = {key.removeprefix(METRIC): value for key, value in record.facts.items() if key.startswith(METRIC)}
    metrics: dict[str, JsonValue] = {
        key: spelled(float(value))
        for key, value in {**returned, **told}.items()
        if isinstance(value, float | int) and not isinstance(value, bool)
    }
    taken_over = {key: record.facts[key] for key in ("cached_from", "duration_s") if key in record.facts}
    asked = asked_of(record) if record.state is ExecutionState.CACHED else {}  # no attempt has told it
    return {"execution_id": record.id, **({"metrics": metrics} if metrics else {}), **taken_over, **asked}


def asked_of(record: ExecutionRecord) -> dict[str, JsonValue]:
    """What is told of an execution that begins: component, parameters, what it reads."""
    inputs: list[JsonValue] = [
        {
            "key": edge.key,
            "name": edge.artifact.name,
            "type": edge.artifact.type_name,
            "uri": edge.artifact.uri,
            "digest": edge.artifact.digest,
            "id": edge.artifact.id,
        }
        for edge in record.inputs
    ]
    return {"component": record.type_name, "parameters": dict(record.parameters), "inputs": inputs}


def by_key(record: ExecutionRecord) -> dict[str, tuple[ArtifactRecord, ...]]:
    """The outputs of a published execution as their readers get them."""
    outputs: dict[str, tuple[ArtifactRecord, ...]] = {}
    for edge in sorted(record.outputs, key=lambda edge: (edge.key, edge.index)):
        outputs[edge.key] = (*outputs.get(edge.key, ()), edge.artifact)
    return outputs
