"""Keeping the files of a closure, content-addressed, so that the code of an old run can be read and rebuilt.

Which files belong to it has been decided by `closure`; when kept files may go is the project's garbage collection.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path, PurePosixPath
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from cmcore.components.code.closure import CodeDigest
from cmcore.components.code.source import read_source
from cmcore.components.code.stamped import Look
from cmcore.errors import NotFoundError, StorageError


class Listing(BaseModel):
    """What was kept for one code digest; `content` is each file's SHA-256, its name in the folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    files: dict[str, str]
    distributions: dict[str, str]
    missing: list[str]
    content: dict[str, str]


def keep_closure(digest: CodeDigest, folder: Path) -> Path:
    """Keep the closure's files under `<folder>/<sha256>` and their list, written last, under `<folder>/<digest>.json`.

    Doing it again changes nothing. Raises StorageError where a file has changed since its digest was taken.
    """
    listing = _listing_path(folder, digest.digest)
    if listing.exists():
        return listing
    folder.mkdir(parents=True, exist_ok=True)
    content = {relative: _kept(digest, relative, folder) for relative in digest.files}
    text = json.dumps({**digest.document(), "content": content}, indent=1, sort_keys=True)
    _write_once(listing, text.encode())
    return listing


def kept(folder: Path, digest: str) -> Listing:
    """What was kept for a code digest; raises NotFoundError for one that never was."""
    return _read_listing(folder, digest)


def rebuild(folder: Path, digest: str, destination: Path) -> list[Path]:
    """Write the kept files of a code digest below `destination`, a folder to put on `sys.path`; returns their paths.

    Raises NotFoundError for a digest that was never kept, StorageError for damaged files or a file in the way.
    """
    listing = _read_listing(folder, digest)
    contents = {relative: _verified(folder / name, relative, name) for relative, name in listing.content.items()}
    written: list[Path] = []
    for relative, content in contents.items():
        target = destination.joinpath(*PurePosixPath(relative).parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_new(target, content)
        written.append(target)
    return written


def _listing_path(folder: Path, digest: str) -> Path:
    return folder / f"{digest.removeprefix('sha256:')}.json"


def _kept(digest: CodeDigest, relative: str, folder: Path) -> str:
    file = digest.locations[relative]
    try:
        content, now = file.read_bytes(), Look().read(read_source, file).digest
    except OSError as error:
        raise StorageError(f"{file} was to be kept with the code of this run: {error}; run again") from error
    if now != digest.files[relative]:
        raise StorageError(f"{file} was to be kept with the code of this run, but has been edited since; run again")
    name = hashlib.sha256(content).hexdigest()
    _write_once(folder / name, content)
    return name


def _write_once(target: Path, content: bytes) -> None:
    if target.exists():
        return
    temporary = target.with_name(f".{target.name}.{uuid4().hex}")
    with temporary.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)


def _write_new(target: Path, content: bytes) -> None:
    try:
        with target.open("xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise StorageError(f"{target} is in the way of rebuilt code; rebuild into an empty folder") from error


def _read_listing(folder: Path, digest: str) -> Listing:
    path = _listing_path(folder, digest)
    try:
        listing = Listing.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise NotFoundError(f"code {digest!r} was asked for, but {folder} keeps no such closure") from error
    except ValidationError as error:
        raise StorageError(f"{path} is damaged: {error}; restore it from a backup") from error
    leaving = [relative for relative in listing.content if ".." in PurePosixPath(relative).parts or relative[:1] == "/"]
    if leaving:
        raise StorageError(f"{path} is damaged: {leaving[0]!r} leads out of the folder; restore it from a backup")
    return listing


def _verified(file: Path, relative: str, name: str) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise StorageError(f"the kept copy of {relative!r} cannot be read: {error}") from error
    if hashlib.sha256(content).hexdigest() != name:
        raise StorageError(f"the kept copy of {relative!r}, {file}, is damaged; restore it from a backup")
    return content
