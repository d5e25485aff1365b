"""Files into MLflow: payloads copied up to a limit, from wherever fsspec can read them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec

if TYPE_CHECKING:
    from mlflow import MlflowClient

MIB = 1024 * 1024


def upload(client: MlflowClient, run_id: str, uri: str, *, limit_mib: float, place: str = "") -> str:
    """Copy a payload's files into an MLflow run, again if they are there: why not, or nothing if they are."""
    with tempfile.TemporaryDirectory(prefix="cm-mlflow-") as folder:
        try:
            files, root = fsspec.core.url_to_fs(uri)
            files.info(root)
            size = files.du(root)
            if size > limit_mib * MIB:
                return f"{size / MIB:.1f} MiB are more than upload_files_mib allows"
            local = Path(root) if "file" in files.protocol else Path(folder) / "payload"
            if "file" not in files.protocol:
                files.get(root, str(local), recursive=True)
        except (OSError, ImportError, ValueError) as error:
            return f"it cannot be read from here: {error}"
        put(client, run_id, local, place)
    return ""


def put(client: MlflowClient, run_id: str, path: Path, place: str) -> None:
    """Copy a local folder, or one file."""
    if path.is_dir():
        client.log_artifacts(run_id, str(path), artifact_path=place or None)
    else:
        client.log_artifact(run_id, str(path), artifact_path=place or None)
