"""Explanation: everything that is recorded of a model or of any artifact, top down, as one value. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import TopologicalSorter

from pydantic import JsonValue

from cmcore.components.code.environment import Environment
from cmcore.lineage.record import ArtifactRecord, ExecutionRecord, RunRecord
from cmcore.lineage.walk import names_read_by
from cmcore.provenance.origin import Ancestry, recorded_environment
from cmcore.provenance.reproduction.packages import Change, machine_changes, package_changes
from cmcore.provenance.reproduction.verdict import metrics_of
from cmcore.provenance.why.deployed import Deployed
from cmcore.registry.values import Approval, Link, Model, ModelVersion, Move, Note


class Standing(StrEnum):
    """What a quick look says of data today."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    GONE = "gone"
    UNKNOWN = "not looked at"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Data that a training read, and how it stands today; `found` says what was looked at."""

    artifact: ArtifactRecord
    standing: Standing
    found: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One node that took part in the making: its code's digest, its parameters, what it read and gave."""

    node: str
    component: str
    execution: str
    code: str = ""
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    values: Mapping[str, JsonValue] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[ArtifactRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A pipeline's parameter in one run: its value and the layer that set it."""

    value: JsonValue
    layer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The run that made the artifact; `changes` is how the environment of today differs from that of then."""

    run: str
    node: str
    pipeline: str
    actor: str
    at: float
    code_version: Mapping[str, JsonValue] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    environment: Environment | None = None
    changes: tuple[Change, ...] = ()
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What somebody made of the artifact: an execution that read it, and what it published."""

    node: str
    component: str
    pipeline: str
    run: str
    at: float
    outputs: tuple[ArtifactRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """An attempt to run the training again, and what came of it."""

    at: float
    verified: bool
    equal: int
    ran: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What the registry holds of a version; `infra_refusal` is why infra validation did not bless it, where its report
    is still there."""

    model: Model
    version: ModelVersion
    moves: tuple[Move, ...] = ()
    approvals: tuple[Approval, ...] = ()
    notes: tuple[Note, ...] = ()
    links: tuple[Link, ...] = ()
    infra_refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The whole account; parts of which nothing is recorded are None or empty.

    `versions` are those of which the artifact is the model, `records` are of the one that was asked for, `deployed` is
    the deployment of it that was asked for.
    """

    asked: str
    artifact: ArtifactRecord | None
    records: Records | None = None
    versions: tuple[str, ...] = ()
    training: Training | None = None
    data: tuple[DataSource, ...] = ()
    uses: tuple[Use, ...] = ()
    reproductions: tuple[Reproduction, ...] = ()
    deployed: Deployed | None = None


def training_of(found: Ancestry, run: RunRecord | None, now: Environment) -> Training | None:
    """The training that an ancestry and the record of its run tell; None where nothing made the artifact here."""
    if found.maker is None:
        return None
    facts = run.facts if run else {}
    then = recorded_environment(facts.get("environment"))
    version, command = facts.get("code_version"), facts.get("argv")
    return Training(
        run=found.maker.run,
        node=found.maker.node,
        pipeline=found.maker.pipeline,
        actor=run.actor if run else found.maker.actor,
        at=found.maker.created_at,
        code_version=version if isinstance(version, dict) else {},
        parameters=parameters_of(facts.get("parameters")),
        steps=tuple(step_of(each) for each in in_order(found.components)),
        environment=then,
        changes=(*package_changes(then, now), *machine_changes(then, now)) if then else (),
        command=tuple(map(str, command)) if isinstance(command, list) else (),
    )


def in_order(executions: Sequence[ExecutionRecord]) -> list[ExecutionRecord]:
    """Executions with makers before readers, names in order where both could be first."""
    by_name = {each.name: each for each in sorted(executions, key=lambda each: each.name)}
    made_by = {edge.artifact.name: name for name, each in by_name.items() for edge in each.outputs}
    before = {
        name: sorted({made_by[read] for read in names_read_by(each) if read in made_by} - {name})
        for name, each in by_name.items()
    }
    return [by_name[name] for name in TopologicalSorter(before).static_order()]


def parameters_of(recorded: JsonValue) -> dict[str, Parameter]:
    """The pipeline's parameters as a run's facts hold them."""
    if not isinstance(recorded, dict):
        return {}
    return {
        name: Parameter(value=found.get("value"), layer=str(found.get("layer", "")))
        for name, found in recorded.items()
        if isinstance(found, dict)
    }


def step_of(execution: ExecutionRecord) -> Step:
    """What an execution tells of its node's part."""
    artifacts = tuple(edge.artifact for edge in execution.outputs)
    values = {edge.key: edge.artifact.facts["value"] for edge in execution.outputs if "value" in edge.artifact.facts}
    return Step(
        node=execution.node,
        component=execution.type_name,
        execution=execution.name,
        code=str(execution.facts.get("code", "")),
        parameters=dict(sorted(execution.parameters.items())),
        values=dict(sorted(values.items())),
        metrics=metrics_of(execution),
        inputs=names_read_by(execution),
        outputs=artifacts,
    )


def uses_of(consumers: Iterable[ExecutionRecord]) -> tuple[Use, ...]:
    """What published executions made of the artifact, the oldest first; of those that were served from the cache only
    the original."""
    found = [
        Use(
            node=each.node,
            component=each.type_name,
            pipeline=each.pipeline,
            run=each.run,
            at=each.created_at,
            outputs=tuple(edge.artifact for edge in each.outputs if "value" not in edge.artifact.facts),
        )
        for each in consumers
        if each.state.published and not each.internal and "cached_from" not in each.facts
    ]
    return tuple(sorted(found, key=lambda use: (use.at, use.run, use.node)))


def promotions(moves: Sequence[Move], version: ModelVersion) -> tuple[Move, ...]:
    """The moves that brought an alias to a version or took it away, the oldest first."""
    return tuple(move for move in moves if version.number in (move.version, move.from_version))
