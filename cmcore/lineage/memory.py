"""MemoryLineage: the reference implementation of LineageStore, for unit tests. Nothing here outlives the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from cmcore.errors import ConflictError, LineageError
from cmcore.lineage import names as rules
from cmcore.lineage.blobs import Blobs, MemoryBlobs
from cmcore.lineage.record import (
    DELETED_AT,
    DELETED_REASON,
    ArtifactRecord,
    Edge,
    ExecutionRecord,
    ExecutionState,
    RunRecord,
    ordered,
    settled,
)
from cmcore.lineage.rows import artifact_row, execution_row, run_row


class MemoryLineage:
    """Executions, artifacts and runs in dicts, oldest first. Refuses what ML-Metadata's rows would refuse."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._blobs: Blobs = MemoryBlobs()
        self._runs: dict[str, RunRecord] = {}
        self._executions: dict[str, ExecutionRecord] = {}
        self._artifacts: dict[int, ArtifactRecord] = {}

    def open_run(self, run: RunRecord) -> None:
        rules.check_run(run)
        run_row(run, self._blobs)
        with self._lock:
            recorded = self._runs.setdefault(run.run, replace(run, created_at=self._clock(), id=len(self._runs) + 1))
        if recorded.pipeline != run.pipeline:
            raise ConflictError(f"run {run.run!r} is one of pipeline {recorded.pipeline!r}, not of {run.pipeline!r}")

    def begin(self, execution: ExecutionRecord) -> None:
        rules.check_begin(execution)
        with self._lock:
            self._insert(execution)

    def commit(self, execution: ExecutionRecord) -> ExecutionRecord:
        rules.check_commit(execution)
        with self._lock:
            recorded = self._executions.get(execution.name)
            if recorded is not None and recorded.state is not ExecutionState.RUNNING:
                return settled(recorded, execution)
            self._refuse_taken_names(execution)
            for edge in execution.stamped().outputs:
                artifact_row(edge.artifact, self._blobs)
            begun = self._insert(replace(execution, outputs=()))
            return self._end(begun, execution.stamped())

    def bury(self, names: Sequence[str], *, at: float, reason: str) -> None:
        with self._lock:
            found = {name: self.artifact(name) for name in names}
            if unknown := [name for name, artifact in found.items() if artifact is None]:
                raise LineageError(f"artifact {unknown[0]!r} is not in this store, so its payload cannot be buried")
            for artifact in found.values():
                if artifact is not None and not artifact.deleted:
                    facts = {**artifact.facts, DELETED_AT: at, DELETED_REASON: reason}
                    self._artifacts[artifact.id] = replace(artifact, deleted=True, facts=facts)
            self._executions = {name: self._current(each) for name, each in self._executions.items()}

    def execution(self, name: str) -> ExecutionRecord | None:
        return self._executions.get(name)

    def executions(self, run: str, *, limit: int = 100_000) -> list[ExecutionRecord]:
        return [execution for execution in self._oldest_first() if execution.run == run][:limit]

    def cached(self, cache_key: str, *, limit: int = 10) -> list[ExecutionRecord]:
        complete = (e for e in self._newest_first() if e.state is ExecutionState.COMPLETE and not e.has_deleted_output)
        return [e for e in complete if e.cache_key == cache_key][:limit]

    def node_executions(self, pipeline: str, node: str, *, limit: int = 10) -> list[ExecutionRecord]:
        return [e for e in self._newest_first() if (e.pipeline, e.node) == (pipeline, node)][:limit]

    def runs(self, *, pipeline: str = "", limit: int = 50) -> list[RunRecord]:
        newest_first = reversed(list(self._runs.values()))
        return [run for run in newest_first if pipeline in ("", run.pipeline)][:limit]

    def run(self, run: str) -> RunRecord | None:
        return self._runs.get(run)

    def artifact(self, name: str) -> ArtifactRecord | None:
        return next((artifact for artifact in self._artifacts.values() if artifact.name == name), None)

    def artifacts_by_uri(self, uri: str) -> list[ArtifactRecord]:
        return [artifact for artifact in self._live() if artifact.uri == uri]

    def latest(self, type_name: str, *, pipeline: str = "", limit: int = 100) -> list[ArtifactRecord]:
        return [a for a in self._live() if a.is_a(type_name) and pipeline in ("", a.pipeline)][:limit]

    def producers(self, artifact: ArtifactRecord) -> list[ExecutionRecord]:
        return [e for e in self._oldest_first() if artifact.name in _names(e.outputs)]

    def consumers(self, artifact: ArtifactRecord, *, limit: int = 1000) -> list[ExecutionRecord]:
        return [e for e in self._newest_first() if artifact.name in _names(e.inputs)][:limit]

    def close(self) -> None:
        pass

    def _insert(self, execution: ExecutionRecord) -> ExecutionRecord:
        """The execution under this name, as begun now or before."""
        if execution.run not in self._runs:
            raise LineageError(
                f"run {execution.run!r} of execution {execution.name!r} is not open; open_run comes first"
            )
        execution_row(execution, self._blobs)
        if execution.name not in self._executions:
            self._executions[execution.name] = replace(
                execution,
                inputs=ordered(self._known(edge) for edge in execution.inputs),
                outputs=(),
                created_at=self._clock(),
                finished_at=0.0,
                id=len(self._executions) + 1,
            )
        return self._executions[execution.name]

    def _end(self, begun: ExecutionRecord, execution: ExecutionRecord) -> ExecutionRecord:
        outputs = ordered(
            self._known(edge) if edge.artifact.id else self._published(edge) for edge in execution.outputs
        )
        ended = replace(
            execution,
            inputs=begun.inputs,
            outputs=outputs,
            created_at=begun.created_at,
            finished_at=self._clock(),
            id=begun.id,
        )
        self._executions[execution.name] = ended
        return ended

    def _published(self, edge: Edge) -> Edge:
        number = len(self._artifacts) + 1
        self._artifacts[number] = replace(edge.artifact, id=number, created_at=self._clock())
        return replace(edge, artifact=self._artifacts[number])

    def _known(self, edge: Edge) -> Edge:
        found = self.artifact(edge.artifact.name)
        if found is None:
            raise LineageError(f"artifact {edge.artifact.name!r} under {edge.key!r} is not in this store")
        return replace(edge, artifact=found)

    def _current(self, execution: ExecutionRecord) -> ExecutionRecord:
        """The execution with its artifacts as they are now."""
        inputs, outputs = (tuple(map(self._known, edges)) for edges in (execution.inputs, execution.outputs))
        return replace(execution, inputs=inputs, outputs=outputs)

    def _refuse_taken_names(self, execution: ExecutionRecord) -> None:
        for edge in execution.outputs:
            if not edge.artifact.id and self.artifact(edge.artifact.name) is not None:
                raise ConflictError(f"artifact {edge.artifact.name!r} of {execution.name!r} was published before")

    def _live(self) -> list[ArtifactRecord]:
        """Artifacts whose payload is there, newest first."""
        return [artifact for artifact in reversed(list(self._artifacts.values())) if not artifact.deleted]

    def _oldest_first(self) -> list[ExecutionRecord]:
        return list(self._executions.values())

    def _newest_first(self) -> list[ExecutionRecord]:
        return self._oldest_first()[::-1]


def _names(edges: Iterable[Edge]) -> set[str]:
    return {edge.artifact.name for edge in edges}
