"""A folder that Triton reads models from: they appear in it whole or not at all, and each says whose it is."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from cmcore.errors import ModelRefusedError, ServingError
from cmcore.serving.backend import Placement

MARKER = "cmcore.json"
STAGING, TRASH = ".staging-", ".trash-"
OLD_S = 3600.0  # nobody writes a model for so long
LAYOUT = "1"  # of what is written; another one makes another digest


class Placed(BaseModel):
    """What is known of a model that was placed: whose it is, and what of.

    `part_of` names the ensemble that it is a part of, `parts` are those of an ensemble. `processes` is the number of
    processes that run it where each instance has its own, 0 where none has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    owner: dict[str, str]
    digest: str
    load_timeout_s: float
    processes: int = 0
    part_of: str = ""
    parts: tuple[str, ...] = ()


def digest_of(placement: Placement) -> str:
    """The same for the same model under the same configs, wherever its files lie."""
    text = placement.model_dump_json(exclude={"folder": True, "steps": {"__all__": {"placement": {"folder"}}}})
    return sha256(f"{LAYOUT} {text}".encode()).hexdigest()


class Repository:
    """A model repository's folder. Several processes may use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def placed(self, name: str) -> Placed | None:
        """What was placed under a name; None where nothing was. Raises ModelRefusedError for what is not cmcore's."""
        folder = self.folder / name
        found = marked(folder)
        if found is None and folder.exists():
            found = marked(folder)  # it may have appeared meanwhile
            if found is None and folder.exists():
                raise ModelRefusedError(f"{folder} is there and was not placed by cmcore; it is somebody else's model")
        return found

    def all(self) -> dict[str, Placed]:
        """Everything that cmcore placed, by name, without what cannot be read: that is told to whoever asks for it."""
        found: dict[str, Placed] = {}
        for marker in self.folder.glob(f"[!.]*/{MARKER}"):
            with suppress(ServingError, ModelRefusedError):
                if (each := self.placed(marker.parent.name)) is not None:
                    found[each.name] = each
        return found

    def has(self, wanted: Placed) -> bool:
        """Whether it is there already; raises ModelRefusedError where the name means another model."""
        found = self.placed(wanted.name)
        if found is None:
            return False
        if found.owner != wanted.owner:
            raise ModelRefusedError(
                f"the name {wanted.name!r} is taken in {self.folder} by {told(found.owner)}, "
                f"and this one is of {told(wanted.owner)}"
            )
        if found.digest != wanted.digest:
            raise ModelRefusedError(
                f"{wanted.name!r} is there already, made of another model or other configs; nothing is replaced in "
                "place: remove it first, or place this one under a name of its own"
            )
        return True

    def put(self, placed: Placed, write: Callable[[Path], None]) -> None:
        """Have the model's folder, written by the function; there already, nothing changes."""
        if self.has(placed):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        staging = self.folder / f"{STAGING}{placed.name}-{uuid.uuid4().hex[:8]}"
        try:
            staging.mkdir()
            write(staging)
            (staging / MARKER).write_text(placed.model_dump_json(indent=1), encoding="utf-8")
            for written in (staging / MARKER, staging):  # else a power cut leaves a name without a readable marker
                sync(written)
            self._appear(staging, placed)
        except OSError as error:
            raise ServingError(f"{placed.name} cannot be placed in {self.folder}: {error}") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _appear(self, staging: Path, placed: Placed) -> None:
        try:
            staging.rename(self.folder / placed.name)
        except OSError:
            if not self.has(placed):  # else another process has placed the same meanwhile
                raise

    def drop(self, name: str) -> None:
        """Take the model's folder away, at once for the server, its files after that."""
        if self.placed(name) is None:
            return
        trash = self.folder / f"{TRASH}{name}-{uuid.uuid4().hex[:8]}"
        try:
            (self.folder / name).rename(trash)
        except FileNotFoundError:
            return  # another process did it
        except OSError as error:
            raise ServingError(f"{name} cannot be removed from {self.folder}: {error}") from error
        shutil.rmtree(trash, ignore_errors=True)

    def sweep(self, older_than_s: float = OLD_S) -> None:
        """Take away what processes that were killed have left half written or half removed."""
        for prefix in (STAGING, TRASH):
            for left in self.folder.glob(f"{prefix}*"):
                with suppress(FileNotFoundError):
                    if time.time() - left.stat().st_mtime >= older_than_s:
                        shutil.rmtree(left, ignore_errors=True)


def marked(folder: Path) -> Placed | None:
    """What a folder's marker says; None without one. Raises ServingError where it cannot be read."""
    try:
        return Placed.model_validate_json((folder / MARKER).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ServingError(f"{folder / MARKER} cannot be read: {error}") from error


def sync(path: Path) -> None:
    """Have a file or the names in a folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def told(owner: dict[str, str]) -> str:
    """An owner in words."""
    return ", ".join(f"{key} {value}" for key, value in owner.items()) or "nobody"
