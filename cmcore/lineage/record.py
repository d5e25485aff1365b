"""The values of the record of what happened: runs, executions, artifacts and the edges between them.

Names are ours and stable; ids are the store's and only hints, because a store can be restored or swapped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pydantic import JsonValue

from cmcore.errors import ConflictError

NOTHING: Mapping[str, JsonValue] = {}
DELETED_AT, DELETED_REASON = "deleted_at", "deleted_reason"
PARAMETER_ARTIFACTS = "parameter_artifacts"


class ExecutionState(StrEnum):
    """RUNNING is the only state that may change, once, to one of the others."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    CACHED = "CACHED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    SKIPPED = "SKIPPED"

    @property
    def published(self) -> bool:
        """Whether outputs of an execution in this state may be used."""
        return self in (ExecutionState.COMPLETE, ExecutionState.CACHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRecord:
    """One artifact. `type_name` and `system_type` as in `cmcore.artifacts`; `properties` are declared and typed,
    `facts` are ours (stored under the prefix `cm:`) and `custom` is the executor's free remarks.

    `project`, `actor` and `pipeline` are those of the execution that published it; `commit` fills them in. `deleted`
    says that the payload is gone; the facts `deleted_at` and `deleted_reason` then say since when and why.
    """

    name: str
    type_name: str
    uri: str
    digest: str
    system_type: str = ""
    properties: Mapping[str, JsonValue] = field(default_factory=dict)
    custom: Mapping[str, JsonValue] = field(default_factory=dict)
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    project: str = ""
    actor: str = ""
    pipeline: str = ""
    deleted: bool = False
    created_at: float = 0.0
    id: int = 0

    def is_a(self, type_name: str) -> bool:
        """Whether this is an artifact of that type or of one derived from it (the fact `derives_from`)."""
        parents = self.facts.get("derives_from")
        return self.type_name == type_name or (isinstance(parents, list) and type_name in parents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """An artifact read or written by an execution under (key, index); ML-Metadata's event path."""

    key: str
    index: int
    artifact: ArtifactRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRecord:
    """One attempt at one node. `name` is `str(Address)`; `type_name` is the component's name.

    `parameters` are declared properties, `facts` ours under the prefix `cm:` (code, digests, failure, skip reason).
    An execution that was never begun may be committed at once (CACHED, SKIPPED). Times are seconds since 1970.
    """

    name: str
    type_name: str
    state: ExecutionState
    project: str
    pipeline: str
    run: str
    node: str
    actor: str = ""
    cache_key: str = ""
    system_type: str = ""
    internal: bool = False  # a resolver: its output edges are ML-Metadata's INTERNAL_OUTPUT
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    inputs: tuple[Edge, ...] = ()
    outputs: tuple[Edge, ...] = ()
    created_at: float = 0.0
    finished_at: float = 0.0
    id: int = 0

    @property
    def outcome(self) -> tuple[object, ...]:
        """What must be equal for two commits of one execution to be the same."""
        return self.state, tuple(
            (edge.key, edge.index, edge.artifact.name, edge.artifact.digest, edge.artifact.uri)
            for edge in ordered(self.outputs)
        )

    @property
    def parameter_artifacts(self) -> tuple[str, ...]:
        """The names of the artifacts whose values stood in its parameters: it read them, though no edge says so."""
        names = self.facts.get(PARAMETER_ARTIFACTS)
        return tuple(map(str, names)) if isinstance(names, list) else ()

    @property
    def has_deleted_output(self) -> bool:
        """Whether a payload of its outputs is gone, so that they cannot be used again."""
        return any(edge.artifact.deleted for edge in self.outputs)

    def stamped(self) -> ExecutionRecord:
        """This record with its new output artifacts naming who published them."""
        return replace(self, outputs=tuple(self._stamped(edge) for edge in self.outputs))

    def _stamped(self, edge: Edge) -> Edge:
        if edge.artifact.id:
            return edge
        owner = replace(edge.artifact, project=self.project, actor=self.actor, pipeline=self.pipeline)
        return replace(edge, artifact=owner)


def ordered(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Edges by key and index, the order in which stores give them back."""
    return tuple(sorted(edges, key=lambda edge: (edge.key, edge.index)))


def settled(recorded: ExecutionRecord, offered: ExecutionRecord) -> ExecutionRecord:
    """What is recorded, where a second commit offers the same outcome; raises ConflictError where it does not."""
    if recorded.outcome == offered.outcome:
        return recorded
    raise ConflictError(
        f"execution {offered.name!r} was committed as {recorded.outcome} before; {offered.outcome} is refused. "
        f"Another process published it, or its name was used twice"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run as its `pipeline_run` context tells it; `facts` hold code version, environment, parameters, layers."""

    run: str
    pipeline: str
    project: str
    actor: str = ""
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    created_at: float = 0.0
    id: int = 0
