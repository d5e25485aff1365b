"""Pusher: a blessed model into a folder of versions, with one atomic switch of `current`.

    destination/versions/<n>/model/    the model, byte for byte
    destination/versions/<n>/push.json its digest, its files' digests, who asked
    destination/current                a link to versions/<n>/model

A version appears by one rename, so that a kill at any moment leaves it whole or absent.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from cmcore import Context
from cmcore.artifacts import Blessing, Model, PushedModel
from cmcore_tabular.documents import read_json, write_json
from cmcore_tabular.errors import TabularError
from cmcore_tabular.statistics.document import Frozen

VERSIONS, MODEL, CURRENT, RECEIPT_FILE, RESULT_FILE = "versions", "model", "current", "push.json", "pushed.json"


class Receipt(Frozen):
    """What was pushed as one version."""

    digest: str
    idempotency_key: str
    files: dict[str, str]


def pusher(
    *, model: Model, blessing: Blessing, pushed_model: PushedModel, destination: str, context: Context
) -> dict[str, object]:
    """Push the model if it is blessed; otherwise change nothing and say so."""
    digest = model.digest or folder_digest(model.path)
    if not blessing.blessed:
        context.log("nothing pushed: the model is not blessed")
        write_json(pushed_model.path / RESULT_FILE, {"pushed": False, "reason": "the model is not blessed"})
        return {"pushed": False, "version": ""}
    if blessing.current_model and blessing.current_model != digest:
        raise TabularError(f"the blessing is for model {blessing.current_model}, but this one is {digest}")
    version = push(model.path, digest, Path(destination), context.idempotency_key)
    context.log(f"version {version} is current in {destination}")
    write_json(pushed_model.path / RESULT_FILE, {"pushed": True, "version": version, "digest": digest})
    pushed_model.destination, pushed_model.version = destination, version
    return {"pushed": True, "version": version}


def still_pushed(
    *, parameters: Mapping[str, object], outputs: Mapping[str, Mapping[str, object]], input_digests: Mapping[str, str]
) -> bool:
    """Whether the destination's current version still is this model, whole; true where nothing was to be pushed."""
    if not outputs["pushed_model"].get("version"):
        return True
    destination = Path(str(parameters["destination"]))
    version = current_version(destination)
    if version is None or (receipt := read_receipt(destination, version)) is None:
        return False
    return receipt.digest == input_digests["model"] and receipt.files == file_digests(
        _model_folder(destination, version)
    )


def push(model: Path, digest: str, destination: Path, key: str) -> str:
    """Bring a model there and make it current; asking again with the same key or digest adds no second version."""
    (destination / VERSIONS).mkdir(parents=True, exist_ok=True)
    with _only_one(destination):
        version = _known_version(destination, digest, key) or _add_version(model, digest, destination, key)
        if current_version(destination) != version:
            _switch(destination, version)
    return version


def _known_version(destination: Path, digest: str, key: str) -> str | None:
    current = current_version(destination)
    for version in reversed(versions(destination)):
        receipt = read_receipt(destination, version)
        asked_before = receipt is not None and bool(key) and receipt.idempotency_key == key
        if receipt and receipt.digest == digest and (asked_before or version == current):
            whole = receipt.files == file_digests(_model_folder(destination, version))
            return version if whole else None
    return None


def _add_version(model: Path, digest: str, destination: Path, key: str) -> str:
    version = str(max((int(each) for each in versions(destination)), default=0) + 1)
    staged = destination / f".incoming-{version}"
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(model, staged / MODEL)
    files = file_digests(staged / MODEL)
    write_json(staged / RECEIPT_FILE, Receipt(digest=digest, idempotency_key=key, files=files))
    _sync(staged)
    staged.rename(destination / VERSIONS / version)
    _sync_folder(destination / VERSIONS)
    return version


def _switch(destination: Path, version: str) -> None:
    fresh = destination / f".{CURRENT}-{version}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(Path(VERSIONS) / version / MODEL)
    fresh.replace(destination / CURRENT)
    _sync_folder(destination)


def versions(destination: Path) -> list[str]:
    """The versions there, oldest first."""
    names = [folder.name for folder in (destination / VERSIONS).glob("*") if folder.name.isdecimal()]
    return sorted(names, key=int)


def current_version(destination: Path) -> str | None:
    """The version that `current` leads to; None where there is none."""
    link = destination / CURRENT
    return link.readlink().parts[-2] if link.is_symlink() and link.is_dir() else None


def read_receipt(destination: Path, version: str) -> Receipt | None:
    """What was written down when a version was pushed; None where that is gone."""
    file = destination / VERSIONS / version / RECEIPT_FILE
    return Receipt.model_validate(read_json(file)) if file.is_file() else None


def file_digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file by its path in the folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def folder_digest(folder: Path) -> str:
    """A digest of a folder outside a run, where no manifest says one."""
    text = "\n".join(f"{digest} {name}" for name, digest in file_digests(folder).items())
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def _model_folder(destination: Path, version: str) -> Path:
    return destination / VERSIONS / version / MODEL


@contextmanager
def _only_one(destination: Path) -> Iterator[None]:
    with (destination / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            _sync_folder(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
