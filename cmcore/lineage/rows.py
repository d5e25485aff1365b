"""How records are spelled as ML-Metadata rows: which facts are declared properties, which custom ones, and back.

The shape is TFX's, so that its readers see a normal lineage. No database is touched here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from cmcore.errors import LineageError
from cmcore.lineage import names, spelling
from cmcore.lineage.blobs import Blobs
from cmcore.lineage.record import (
    DELETED_AT,
    DELETED_REASON,
    ArtifactRecord,
    Edge,
    ExecutionRecord,
    ExecutionState,
    RunRecord,
    ordered,
)
from cmcore.lineage.spelling import Scalar

PIPELINE, RUN, NODE, CACHE, COMMIT = "pipeline", "pipeline_run", "node", "execution_cache", "cm.commit"
CONTEXT_TYPES = (PIPELINE, RUN, NODE, CACHE, COMMIT)

PREFIX = "cm:"
PROJECT, ACTOR, PLACE, CACHE_KEY = "cm:project", "cm:actor", "cm:place", "cm:cache_key"
STATE, INTERNAL, REPEATS, DIGEST = "cm:state", "cm:internal", "cm:repeats", "cm:digest"
TFX_PIPELINE = "pipeline_name"
# TFX looks for `Split-<name>` folders only in artifacts that were stamped by 0.29 or later, which is where it began.
TFX_VERSION, STAMP = "tfx_version", "1.16.0"
BLESSING = "ModelBlessing"
TFX_BLESSING = ("blessed", "current_model", "current_model_id", "baseline_model", "baseline_model_id")

EXECUTION_FIELDS = (PROJECT, ACTOR, PLACE, CACHE_KEY, STATE, INTERNAL, REPEATS)
ARTIFACT_FIELDS = (PROJECT, ACTOR, DIGEST)
RUN_FIELDS = (PROJECT, ACTOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The properties of one node of ML-Metadata: declared by its type, and free."""

    declared: Mapping[str, Scalar] = field(default_factory=dict)
    custom: Mapping[str, Scalar] = field(default_factory=dict)


def node_name(pipeline: str, node: str) -> str:
    """The name of a node's context. Not unique (`a.b`, `c` and `a`, `b.c`): readers compare the place as well."""
    return f"{pipeline}.{node}"


def run_row(run: RunRecord, blobs: Blobs) -> Row:
    """The custom properties of a `pipeline_run` context."""
    return Row(custom={TFX_PIPELINE: run.pipeline, **_owned(run.project, run.actor, blobs), **_facts(run.facts, blobs)})


def owner_row(project: str, actor: str, blobs: Blobs) -> Row:
    """The custom properties of `pipeline` and `node` contexts: who brought them in."""
    return Row(custom=_owned(project, actor, blobs))


def execution_row(execution: ExecutionRecord, blobs: Blobs) -> Row:
    """An execution's properties. ML-Metadata has no SKIPPED, so that state is a property beside its CANCELED."""
    names.check_keys(execution.parameters)
    custom = _owned(execution.project, execution.actor, blobs)
    custom[PLACE] = f"{execution.pipeline}/{execution.run}/{execution.node}"
    if execution.cache_key:
        custom[CACHE_KEY] = execution.cache_key
    if execution.state is ExecutionState.SKIPPED:
        custom[STATE] = execution.state.value
    if execution.internal:
        custom[INTERNAL] = 1
    repeats = [*_repeats("in", execution.inputs), *_repeats("out", execution.outputs)]
    if repeats:
        custom |= spelling.spelled({REPEATS: json.dumps(repeats)}, blobs)
    custom |= _facts(execution.facts, blobs, reserved=EXECUTION_FIELDS)
    return Row(declared=spelling.spelled(execution.parameters, blobs), custom=custom)


def artifact_row(artifact: ArtifactRecord, blobs: Blobs, *, inputs: Iterable[Edge] = ()) -> Row:
    """An artifact's properties, with those that TFX's own readers look for; `inputs` are its execution's."""
    names.check_keys(artifact.properties)
    names.check_keys(artifact.custom, reserved=_tfx_keys(artifact.type_name))
    if ours := [key for key in artifact.custom if key.startswith(PREFIX)]:
        raise LineageError(f"custom properties {ours} of {artifact.name!r} start with {PREFIX!r}; choose other names")
    custom = _owned(artifact.project, artifact.actor, blobs) | {TFX_VERSION: STAMP, DIGEST: artifact.digest}
    if artifact.pipeline:
        custom[TFX_PIPELINE] = artifact.pipeline
    if artifact.type_name == BLESSING:
        custom |= _tfx_blessing(artifact, tuple(inputs))
    custom |= spelling.spelled(artifact.custom, blobs)
    custom |= _facts(artifact.facts, blobs, reserved=ARTIFACT_FIELDS)
    return Row(declared=spelling.spelled(artifact.properties, blobs), custom=custom)


def tombstone_row(at: float, reason: str, blobs: Blobs) -> Row:
    """What is added to an artifact's properties when its payload is deleted."""
    return Row(custom=_facts({DELETED_AT: at, DELETED_REASON: reason}, blobs))


def first_uses(edges: Iterable[Edge]) -> list[Edge]:
    """One edge per artifact: ML-Metadata takes one event per artifact, execution and direction.

    The others are kept in the execution's own property, because an event path of more than one (key, index)
    would be refused by TFX's readers.
    """
    first: dict[str, Edge] = {}
    for edge in edges:
        first.setdefault(_identity(edge.artifact), edge)
    return list(first.values())


def execution_of(row: Row, bare: ExecutionRecord, blobs: Blobs) -> ExecutionRecord:
    """The inverse of `execution_row`; `bare` has what ML-Metadata itself knows, and the edges that have events."""
    ours = _ours(row, blobs)
    pipeline, run, node = _place(row)
    inputs, outputs = (
        ordered([*edges, *_repeated(json.loads(str(ours.get(REPEATS, "[]"))), way, edges)])
        for way, edges in (("in", bare.inputs), ("out", bare.outputs))
    )
    return replace(
        bare,
        state=ExecutionState(str(ours.get(STATE, bare.state))),
        project=str(ours.get(PROJECT, "")),
        actor=str(ours.get(ACTOR, "")),
        pipeline=pipeline,
        run=run,
        node=node,
        cache_key=str(ours.get(CACHE_KEY, "")),
        internal=INTERNAL in ours,
        parameters=spelling.read(row.declared, blobs),
        facts=_without(ours, EXECUTION_FIELDS),
        inputs=inputs,
        outputs=outputs,
    )


def artifact_of(row: Row, bare: ArtifactRecord, blobs: Blobs) -> ArtifactRecord:
    """The inverse of `artifact_row`; `bare` has what ML-Metadata itself knows."""
    ours = _ours(row, blobs)
    hidden = _tfx_keys(bare.type_name)
    remarks = {key: value for key, value in row.custom.items() if not key.startswith(PREFIX) and key not in hidden}
    return replace(
        bare,
        digest=str(ours.get(DIGEST, "")),
        project=str(ours.get(PROJECT, "")),
        actor=str(ours.get(ACTOR, "")),
        pipeline=str(row.custom.get(TFX_PIPELINE, "")),
        properties=spelling.read(row.declared, blobs),
        custom=spelling.read(remarks, blobs),
        facts=_without(ours, ARTIFACT_FIELDS),
    )


def run_of(row: Row, bare: RunRecord, blobs: Blobs) -> RunRecord:
    """The inverse of `run_row`; `bare` has what ML-Metadata itself knows."""
    ours = _ours(row, blobs)
    return replace(
        bare,
        pipeline=str(row.custom.get(TFX_PIPELINE, "")),
        project=str(ours.get(PROJECT, "")),
        actor=str(ours.get(ACTOR, "")),
        facts=_without(ours, RUN_FIELDS),
    )


def is_of_node(row: Row, pipeline: str, node: str) -> bool:
    """Whether an execution found under a node's context is of that node; what others wrote is."""
    found_pipeline, _, found_node = _place(row)
    return PLACE not in row.custom or (found_pipeline, found_node) == (pipeline, node)


def _place(row: Row) -> tuple[str, str, str]:
    """Pipeline, run and node; empty where somebody else wrote the execution."""
    pipeline, _, rest = str(row.custom.get(PLACE, "")).partition("/")
    run, _, node = rest.partition("/")
    return pipeline, run, node


def _ours(row: Row, blobs: Blobs) -> dict[str, JsonValue]:
    return spelling.read({key: value for key, value in row.custom.items() if key.startswith(PREFIX)}, blobs)


def _without(ours: Mapping[str, JsonValue], fields: Iterable[str]) -> dict[str, JsonValue]:
    known = set(fields)
    return {key.removeprefix(PREFIX): value for key, value in ours.items() if key not in known}


def _repeated(repeats: list[tuple[str, str, int, str]], way: str, edges: Iterable[Edge]) -> list[Edge]:
    """The edges that have no event of their own, from those that have one."""
    artifacts = {_identity(edge.artifact): edge.artifact for edge in edges}
    return [
        Edge(key=key, index=index, artifact=artifacts[identity])
        for found_way, key, index, identity in repeats
        if found_way == way and identity in artifacts
    ]


def _identity(artifact: ArtifactRecord) -> str:
    return artifact.name or f"#{artifact.id}"


def _repeats(direction: str, edges: Iterable[Edge]) -> list[list[str | int]]:
    all_edges = list(edges)
    first = {id(edge) for edge in first_uses(all_edges)}
    return [[direction, e.key, e.index, _identity(e.artifact)] for e in all_edges if id(e) not in first]


def _owned(project: str, actor: str, blobs: Blobs) -> dict[str, Scalar]:
    return spelling.spelled({key: text for key, text in ((PROJECT, project), (ACTOR, actor)) if text}, blobs)


def _facts(facts: Mapping[str, JsonValue], blobs: Blobs, reserved: Iterable[str] = RUN_FIELDS) -> dict[str, Scalar]:
    prefixed = {PREFIX + key: value for key, value in facts.items()}
    names.check_keys(prefixed, reserved=reserved)
    return spelling.spelled(prefixed, blobs)


def _tfx_keys(type_name: str) -> tuple[str, ...]:
    blessing = TFX_BLESSING if type_name == BLESSING else ()
    return (TFX_VERSION, TFX_PIPELINE, *blessing)


def _tfx_blessing(artifact: ArtifactRecord, inputs: tuple[Edge, ...]) -> dict[str, Scalar]:
    """What TFX's LatestBlessedModel strategy reads: the verdict, and the models by their ids in this database."""
    custom: dict[str, Scalar] = {"blessed": int(artifact.properties.get("blessed") is True)}
    for role in ("current_model", "baseline_model"):
        model = _model_with(artifact.properties.get(role), inputs, baseline=role == "baseline_model")
        if model is not None:
            custom |= {role: model.uri, f"{role}_id": model.id}
    return custom


def _model_with(digest: JsonValue, inputs: tuple[Edge, ...], *, baseline: bool) -> ArtifactRecord | None:
    """The input model with this digest; candidate and baseline may be equal bytes, then the key decides."""
    found = [
        edge for edge in inputs if digest and edge.artifact.digest == digest and edge.artifact.type_name == "Model"
    ]
    found.sort(key=lambda edge: ("baseline" in edge.key) is not baseline)
    return found[0].artifact if found else None
