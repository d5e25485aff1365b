"""The values of the record of what happened: runs, executions, artifacts and the edges between them.

Names are ours and stable; ids are the store's and only hints, because a store can be restored or swapped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue

NOTHING: Mapping[str, JsonValue] = {}


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
    `facts` are ours (stored under the prefix `cm:`) and `custom` is the executor's free remarks."""

    name: str
    type_name: str
    uri: str
    digest: str
    system_type: str = ""
    properties: Mapping[str, JsonValue] = field(default_factory=dict)
    custom: Mapping[str, JsonValue] = field(default_factory=dict)
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    created_at: float = 0.0
    id: int = 0


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
