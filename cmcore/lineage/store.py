"""LineageStore: what the rest of cmcore asks of a metadata store. One file imports `ml_metadata`; this is not it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cmcore.lineage.record import ArtifactRecord, ExecutionRecord, RunRecord


class LineageStore(Protocol):
    """Writes are for the driver only. Lists are newest first and never longer than their limit.

    All calls raise LineageError once they have tried long enough; a call that raised may have taken effect
    and can be made again: `open_run`, `begin`, `commit` and `bury` are idempotent by name.
    """

    def open_run(self, run: RunRecord) -> None:
        """Record the run, its pipeline and their tie; again with the same name changes nothing.

        Executions can only be recorded in runs that were opened. Raises ConflictError for a run of another pipeline.
        """
        ...

    def begin(self, execution: ExecutionRecord) -> None:
        """Record a RUNNING execution with its inputs and contexts; again with the same name changes nothing."""
        ...

    def commit(self, execution: ExecutionRecord) -> ExecutionRecord:
        """Record the terminal state with its outputs, once for ever.

        A second commit of an equal outcome returns what is recorded (its ids included); of a different one it
        raises ConflictError and changes nothing. Output artifacts that have an id are existing ones (CACHED,
        resolvers), the others are inserted under their unique names. Parameters and facts replace those of `begin`;
        the inputs are those of `begin` where there was one. Times in the answer are those that were offered.
        """
        ...

    def bury(self, names: Sequence[str], *, at: float, reason: str) -> None:
        """Record that the payloads of these artifacts are deleted (at a time, for a reason); the rest of them stays.

        The artifact of each is `deleted` from then on, wherever it is read: walks show it, `cached`, `latest` and
        `artifacts_by_uri` do not. One that was buried before keeps its time and reason. Raises LineageError, and
        buries none, where one of the names is not recorded.
        """
        ...

    def execution(self, name: str) -> ExecutionRecord | None:
        """One execution with its edges, by name."""
        ...

    def executions(self, run: str, *, limit: int = 100_000) -> list[ExecutionRecord]:
        """The executions of one run with their edges, oldest first."""
        ...

    def cached(self, cache_key: str, *, limit: int = 10) -> list[ExecutionRecord]:
        """COMPLETE executions that were recorded under this cache key, with their edges; never CACHED ones, and none
        of whose outputs one is deleted."""
        ...

    def node_executions(self, pipeline: str, node: str, *, limit: int = 10) -> list[ExecutionRecord]:
        """Executions of one node of one pipeline over all its runs, with their edges."""
        ...

    def runs(self, *, pipeline: str = "", limit: int = 50) -> list[RunRecord]:
        """Runs, of one pipeline or of all."""
        ...

    def run(self, run: str) -> RunRecord | None:
        """One run by name."""
        ...

    def artifact(self, name: str) -> ArtifactRecord | None:
        """One artifact by its unique name, deleted or not."""
        ...

    def artifacts_by_uri(self, uri: str) -> list[ArtifactRecord]:
        """Live artifacts that were recorded at exactly this URI."""
        ...

    def latest(self, type_name: str, *, pipeline: str = "", limit: int = 100) -> list[ArtifactRecord]:
        """Live artifacts of one type or of types derived from it, published by one pipeline's runs or by all."""
        ...

    def producers(self, artifact: ArtifactRecord) -> list[ExecutionRecord]:
        """Executions that have this artifact among their outputs, with their edges; the original first."""
        ...

    def consumers(self, artifact: ArtifactRecord, *, limit: int = 1000) -> list[ExecutionRecord]:
        """Executions that read this artifact as an input, with their edges; not those that had its value in a
        parameter, which only name it (`ExecutionRecord.parameter_artifacts`)."""
        ...

    def close(self) -> None:
        """Give back whatever is held; the store is not used again."""
        ...
