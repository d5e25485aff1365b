"""View: what an MLflow has of a run, in the words of the tracker contract; for tests of whatever writes to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cmcore.testing.tracker import Seen
from cmcore_mlflow import spelling

if TYPE_CHECKING:
    import pytest
    from mlflow import MlflowClient
    from mlflow.entities import Run


SET = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
    "MLFLOW_HTTP_REQUEST_TIMEOUT",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT",
)


def keep_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the variables that the tracker sets in its process set back after the test."""
    for name in SET:
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }.items():
        monkeypatch.setenv(name, value)


class View:
    """Reads an MLflow back, one experiment or all."""

    def __init__(self, uri: str, *, experiment: str = "") -> None:
        self.uri, self._experiment = uri, experiment

    @property
    def client(self) -> MlflowClient:
        """MLflow's client."""
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def runs(self, run: str) -> list[Run]:
        """The MLflow runs with the tag of a run."""
        chosen = f"name = '{self._experiment}'" if self._experiment else None
        experiments = [found.experiment_id for found in self.client.search_experiments(filter_string=chosen)]
        if not experiments:
            return []
        return list(self.client.search_runs(experiments, f"tags.`cmcore.run` = '{run}'", max_results=1000))

    def node(self, run: str, node: str = "") -> Run:
        """The one MLflow run of a node, or of the run itself."""
        (found,) = [it for it in self.runs(run) if it.data.tags.get("cmcore.node", "") == node]
        return found

    def shown(self, run: str) -> Sequence[Seen]:
        """The run and its nodes."""
        return [self._seen(found) for found in self.runs(run)]

    def _seen(self, run: Run) -> Seen:
        metrics = {spelling.original(name): self._history(run.info.run_id, name) for name in run.data.metrics}
        return Seen(
            node=run.data.tags.get("cmcore.node", ""),
            state=run.data.tags["cmcore.state"],
            params={spelling.original(name): value for name, value in run.data.params.items()},
            tags={spelling.original(name): value for name, value in run.data.tags.items()},
            metrics=metrics,
        )

    def _history(self, run_id: str, name: str) -> list[tuple[int, float]]:
        history = self.client.get_metric_history(run_id, name)
        return sorted((metric.step, metric.value) for metric in history)
