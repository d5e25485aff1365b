"""Models of ours in the registry of a real MLflow server, which refuses paths of machines as their sources."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cmcore.events import Event, EventKind
from cmcore.testing.tracker import AT, PlainMemory, numbered, run_events
from cmcore_mlflow.testing import View
from cmcore_mlflow.tracker import mlflow_tracker
from tests.integration.tracking.mlflow_server import MlflowServer

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]


@pytest.fixture
def model() -> str:
    """A name that no other test uses."""
    return f"flights-{random.randrange(10**9)}"


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    """A model on this machine's disk."""
    folder = tmp_path / "payload"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "data" / "weights").write_bytes(b"0" * 1000)
    return folder


def mirrored(server: MlflowServer, folder: Path, model: str, payload: Path, **options: float) -> ModelVersion:
    """Deliver a run, the registration of its model, and the move of an alias; MLflow's version."""
    audit = {"seq": 1, "hash": "h"}
    registered = {
        "model": model, "version": "1.0.0", "digest": f"sha256:{'a' * 64}", "uri": payload.as_uri(), "run": model,
        "node": "train", "metrics": {"auc": 0.91}, "level": "first", "reason": "it is new", "actor": "ada",
        "audit": audit,
    }  # fmt: skip
    moved = {"model": model, "version": "1.0.0", "alias": "production", "generation": 1, "actor": "ada", "audit": audit}
    events = [
        *run_events(model),
        Event.model_validate({"kind": EventKind.VERSION_REGISTERED, "at": AT, "data": registered}),
        Event.model_validate({"kind": EventKind.ALIAS_MOVED, "at": AT, "data": moved}),
    ]
    tracker = mlflow_tracker(PlainMemory(), folder, uri=server.uri, **options)
    tracker.deliver(numbered(events))
    return View(server.uri).client.get_model_version_by_alias(model, "production")


def test_a_model_on_our_disk_can_be_loaded_from_mlflow(
    server: MlflowServer, tmp_path: Path, model: str, payload: Path
) -> None:
    from mlflow.artifacts import download_artifacts

    mirrored(server, tmp_path, model, payload)
    copied = Path(download_artifacts(f"models:/{model}@production", dst_path=str(tmp_path / "copy")))
    assert (copied / "data" / "weights").read_bytes() == b"0" * 1000


def test_it_belongs_to_the_run_that_made_it(server: MlflowServer, tmp_path: Path, model: str, payload: Path) -> None:
    version = mirrored(server, tmp_path, model, payload)
    assert version.run_id == View(server.uri).node(model, "train").info.run_id


def test_it_says_which_version_of_ours_it_is(server: MlflowServer, tmp_path: Path, model: str, payload: Path) -> None:
    version = mirrored(server, tmp_path, model, payload)
    assert (version.tags["cmcore.version"], version.tags["cmcore.digest"]) == ("1.0.0", f"sha256:{'a' * 64}")


def test_a_model_that_is_too_large_to_copy_is_there_by_its_name(
    server: MlflowServer, tmp_path: Path, model: str, payload: Path
) -> None:
    version = mirrored(server, tmp_path, model, payload, upload_files_mib=0.0001)
    assert version.source == f"cmcore://registry/{model}/1.0.0"
