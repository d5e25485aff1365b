"""What the plugin gives. Imports nothing heavy; cmcore loads this module always."""

from __future__ import annotations

from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1,<2"


@hookimpl
def cmcore_providers() -> list[Provider]:
    """The tracker."""
    return [
        Provider(
            kind="tracker", name="mlflow", factory="cmcore_mlflow.tracker:mlflow_tracker",
            options="cmcore_mlflow.options:MlflowOptions",
            summary="Runs, metrics, files, models and aliases in MLflow",
        ),
    ]  # fmt: skip
