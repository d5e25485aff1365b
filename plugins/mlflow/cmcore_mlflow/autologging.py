"""MLflow's autologging inside a component: what it logs is told to the component's context, and so to every tracker.

It logs into a folder of the attempt, which is read and then gone with the attempt: no server is contacted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from inspect import signature
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from cmcore.components.context import Context

FILE_BYTES = 8 * 1024 * 1024  # what autologging writes beside models is small; larger files are left where they are
WISHES: Mapping[str, bool] = {"log_models": False, "log_datasets": False, "silent": True}
OWN_TAGS = "mlflow."
IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg"})


@contextmanager
def autolog(context: Context, flavor: str) -> Iterator[None]:
    """While the block runs, MLflow's autologging of `flavor` (sklearn, lightgbm, xgboost, pytorch, ...) is on.

    Models are not logged: they are outputs of the component. Where the block raises, what was logged is told too.
    """
    with own_environment():
        import mlflow

        module = import_module(f"mlflow.{flavor}")
        was_set = mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call] # MLflow's
        before = mlflow.get_tracking_uri() if was_set else None
        folder = Path(mkdtemp(prefix="autolog-", dir=context.work_dir))
        mlflow.set_tracking_uri(folder.as_uri())
        try:
            client = mlflow.MlflowClient()
            experiment = client.create_experiment("autolog", artifact_location=(folder / "artifacts").as_uri())
            takes = signature(module.autolog).parameters
            module.autolog(**{name: wish for name, wish in WISHES.items() if name in takes})
            try:
                with mlflow.start_run(experiment_id=experiment) as run:
                    yield
            finally:
                module.autolog(disable=True)
                tell(context, client, run.info.run_id, folder / "artifacts" / run.info.run_id / "artifacts")
        finally:
            mlflow.set_tracking_uri(before)  # type: ignore[arg-type] # None takes the setting back


@contextmanager
def own_environment() -> Iterator[None]:
    """Variables under which MLflow keeps to itself; what was there before comes back."""
    ours = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "GIT_PYTHON_REFRESH": "quiet"}
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def tell(context: Context, client: MlflowClient, run_id: str, files: Path) -> None:
    """Tell the context what a run of MLflow has."""
    run = client.get_run(run_id)
    for name, value in run.data.params.items():
        context.param(name, value)
    for name, value in run.data.tags.items():
        if not name.startswith(OWN_TAGS):
            context.tag(name, value)
    for name in run.data.metrics:
        history = client.get_metric_history(run_id, name)
        if len(history) == 1 and history[0].step == 0:
            context.metric(name, history[0].value)
            continue
        for metric in sorted(history, key=lambda metric: (metric.step, metric.timestamp)):
            context.metric(name, metric.value, step=metric.step)
    for path in sorted(files.rglob("*")):
        if path.is_file() and path.stat().st_size <= FILE_BYTES:
            tell_file(context, path, str(path.relative_to(files)))


def tell_file(context: Context, path: Path, name: str) -> None:
    """Tell the context of one file, as an image where it is one."""
    if path.suffix.lower() in IMAGES:
        context.image(name, path)
    else:
        context.file(name, path)
