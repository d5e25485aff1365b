"""Types that components of the tests use as an author's own would be: classes at the top of a module."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, NamedTuple

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from cmcore import AllowNaN, Artifact, component


class Embeddings(Artifact, system_type="DATASET"):
    dimensions: int = 0


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Layers(BaseModel):
    sizes: list[Annotated[int, Field(gt=0)]] = [8]


class Training(BaseModel):
    rate: Annotated[float, Field(gt=0)] = 0.1
    layers: Layers = Layers()


@dataclass
class Window:
    first: int = 1
    last: int | None = None


class ScoresDict(TypedDict):
    accuracy: float
    auc: AllowNaN[float]


class ScoresTuple(NamedTuple):
    accuracy: float
    auc: AllowNaN[float]


@dataclass
class ScoresClass:
    accuracy: float
    auc: AllowNaN[float]


class ScoresModel(BaseModel):
    accuracy: float
    auc: AllowNaN[float]


@component
def ready() -> None:
    """Nothing."""
