"""What an executor tracks, record by record: the contents of `attempt.tracked` events. Values only.

Plain metrics (without a step) are not here: they are in the execution's record and in `node.finished`.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, TypeAdapter

TEXT_LENGTH = 1000  # characters; a longer text is a file
NAME = re.compile(r"(?! )[^\x00-\x1f\x7f]{1,190}(?<! )")  # what every metadata store and tracker keeps
TRACKED_FILES = "tracked_files"  # the key of the output artifact with an attempt's tracked files


def spelled(value: float) -> float | str:
    """A number as JSON can hold it: NaN and infinities by their names."""
    return value if math.isfinite(value) else str(value)


Number = Annotated[float, BeforeValidator(float), PlainSerializer(spelled)]


class Tracked(BaseModel):
    """One record; `at` is wall-clock seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: float


class Point(Tracked):
    """One value of a series: the metric at a step (epoch, batch, iteration)."""

    kind: Literal["point"] = "point"
    name: str
    step: int
    value: Number


class SystemReading(Tracked):
    """One reading of a machine's metric, such as `cpu_percent`, `memory_mib`, `gpu_0_memory_mib`."""

    kind: Literal["system"] = "system"
    name: str
    value: Number


class Param(Tracked):
    """A parameter that the executor itself chose or found out."""

    kind: Literal["param"] = "param"
    name: str
    value: str


class Tag(Tracked):
    """A label with a value; the last one of a name wins."""

    kind: Literal["tag"] = "tag"
    name: str
    value: str


class Note(Tracked):
    """A remark of at most TEXT_LENGTH; notes add up."""

    kind: Literal["note"] = "note"
    text: str


class Shape(StrEnum):
    """How a tracked file is shown."""

    IMAGE = "image"
    TABLE = "table"
    TEXT = "text"
    FILE = "file"


class File(Tracked):
    """A file in the attempt's `tracked_files` artifact: `what` says how to show it, `step` its place in a series."""

    kind: Literal["file"] = "file"
    what: Shape
    name: str
    path: str
    media_type: str
    step: int | None = None


Record = Annotated[Point | SystemReading | Param | Tag | Note | File, Field(discriminator="kind")]
RECORDS: TypeAdapter[list[Record]] = TypeAdapter(list[Record])
