"""MlmdLineage: the LineageStore over ML-Metadata that checks names, tries again and survives handles that go bad.

The calls themselves are `mlmd.py`; the child process for databases whose handles may crash is `child.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from cmcore.lineage import mlmd
from cmcore.lineage import names as rules
from cmcore.lineage.blobs import Blobs
from cmcore.lineage.record import ArtifactRecord, ExecutionRecord, RunRecord
from cmcore.lineage.retry import PATIENT, Reopening, RetryPolicy
from cmcore.lineage.url import StoreUrl
from cmcore.lineage.verdict import verdict


class MlmdLineage:
    """Lineage in the database at `url`; one handle, dropped at the first error that may have poisoned it."""

    def __init__(self, url: str, blobs: Blobs, *, retry: RetryPolicy = PATIENT) -> None:
        where = StoreUrl.parse(url)
        self._session = Reopening(
            f"lineage store {where}",
            lambda: mlmd.opened(where, blobs, retry),
            verdict,
            errors=mlmd.ERRORS,
            policy=retry,
        )

    @property
    def opened(self) -> int:
        """How many handles have been opened so far."""
        return self._session.opened

    def open_run(self, run: RunRecord) -> None:
        rules.check_run(run)
        self._session.call(lambda session: session.open_run(run))

    def begin(self, execution: ExecutionRecord) -> None:
        rules.check_begin(execution)
        self._session.call(lambda session: session.begin(execution))

    def commit(self, execution: ExecutionRecord) -> ExecutionRecord:
        rules.check_commit(execution)
        return self._session.call(lambda session: session.commit(execution.stamped()))

    def bury(self, names: Sequence[str], *, at: float, reason: str) -> None:
        self._session.call(lambda session: session.bury(names, at=at, reason=reason))

    def execution(self, name: str) -> ExecutionRecord | None:
        return self._session.call(lambda session: session.execution(name))

    def executions(self, run: str, *, limit: int = 100_000) -> list[ExecutionRecord]:
        return self._session.call(lambda session: session.executions(run, limit=limit))

    def cached(self, cache_key: str, *, limit: int = 10) -> list[ExecutionRecord]:
        return self._session.call(lambda session: session.cached(cache_key, limit=limit))

    def node_executions(self, pipeline: str, node: str, *, limit: int = 10) -> list[ExecutionRecord]:
        return self._session.call(lambda session: session.node_executions(pipeline, node, limit=limit))

    def runs(self, *, pipeline: str = "", limit: int = 50) -> list[RunRecord]:
        return self._session.call(lambda session: session.runs(pipeline=pipeline, limit=limit))

    def run(self, run: str) -> RunRecord | None:
        return self._session.call(lambda session: session.run(run))

    def artifact(self, name: str) -> ArtifactRecord | None:
        return self._session.call(lambda session: session.artifact(name))

    def artifacts_by_uri(self, uri: str) -> list[ArtifactRecord]:
        return self._session.call(lambda session: session.artifacts_by_uri(uri))

    def latest(self, type_name: str, *, pipeline: str = "", limit: int = 100) -> list[ArtifactRecord]:
        return self._session.call(lambda session: session.latest(type_name, pipeline=pipeline, limit=limit))

    def producers(self, artifact: ArtifactRecord) -> list[ExecutionRecord]:
        return self._session.call(lambda session: session.producers(artifact))

    def consumers(self, artifact: ArtifactRecord, *, limit: int = 1000) -> list[ExecutionRecord]:
        return self._session.call(lambda session: session.consumers(artifact, limit=limit))

    def close(self) -> None:
        self._session.drop()
