"""Shelf: the models that were placed, each in a folder of its own that is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import uuid
from pathlib import Path

from pydantic import ValidationError

from cmcore.errors import ModelRefusedError, ServingError
from cmcore.serving.backend import Placement

DOCUMENT, MODEL = "placement.json", "model"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Shelf:
    """A folder with one folder per name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    @property
    def folder(self) -> Path:
        """Where the models are."""
        return self._folder

    def put(self, placement: Placement) -> None:
        """Copy it here, by links where the disk is the same; there already, nothing happens. Raises
        ModelRefusedError where the name is taken."""
        there = self.find(placement.name)
        if there is not None:
            check_same(there, placement)
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        beside = self._folder / f".{uuid.uuid4().hex}"
        try:
            shutil.copytree(placement.folder, beside / MODEL, copy_function=linked)
            (beside / DOCUMENT).write_text(placement.model_dump_json(indent=1), encoding="utf-8")
            beside.rename(self._folder / placement.name)
        except FileExistsError:  # somebody was quicker
            self.put(placement)
        except OSError as error:
            raise ServingError(f"the model of {placement.name!r} cannot be put to {self._folder}: {error}") from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def find(self, name: str) -> Placement | None:
        """What was placed under a name; raises ServingError where it cannot be read."""
        if not NAME.fullmatch(name):
            return None
        path = self._folder / name / DOCUMENT
        try:
            return Placement.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise ServingError(f"{path} cannot be read ({error}); remove its folder") from error

    def model(self, name: str) -> Path:
        """The folder with a model's files."""
        return self._folder / name / MODEL

    def drop(self, name: str) -> None:
        """Gone at once, even if the process is killed meanwhile."""
        if not NAME.fullmatch(name):
            return
        beside = self._folder / f".{uuid.uuid4().hex}"
        with contextlib.suppress(FileNotFoundError):
            (self._folder / name).rename(beside)
            shutil.rmtree(beside, ignore_errors=True)


def check_same(there: Placement, placement: Placement) -> None:
    """Raises ModelRefusedError where another model, or somebody else's, has the name."""
    if there.model_dump(exclude={"folder"}) == placement.model_dump(exclude={"folder"}):
        return
    whose = ", ".join(f"{key} {value}" for key, value in there.owner.items()) or "nobody known"
    how = "by" if there.owner != placement.owner else "with other configs or files by the same,"
    raise ModelRefusedError(
        f"the name {placement.name!r} is taken, {how} {whose}; remove that, or place under another name"
    )


def linked(source: str, target: str) -> str:
    """A hard link, or a copy where there can be none."""
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copy2(source, target)
    return target
