"""A model with the shapes that documents have: nested, keyed, discriminated, recursive, constrained."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CachePolicy(StrEnum):
    AUTO = "auto"
    NEVER = "never"


class FixedDelay(_Frozen):
    kind: Literal["fixed"]
    delay_s: float = Field(ge=0)


class Backoff(_Frozen):
    kind: Literal["backoff"]
    factor: int = Field(default=2, ge=1)


class Node(_Frozen):
    uses: str
    arguments: dict[str, JsonValue] = Field(default={}, alias="with")
    after: tuple[str, ...] = ()
    labels: set[str] = set()
    cache: CachePolicy = CachePolicy.AUTO
    mode: Literal["train", "evaluate"] = "train"
    retry: Annotated[FixedDelay | Backoff, Field(discriminator="kind")] | None = None
    workers: int | Literal["all"] = 1
    timeout_s: float = 60
    inner: dict[str, Node] = {}


class Sample(_Frozen):
    kind: Literal["Sample"]
    name: Annotated[str, Field(pattern="^[a-z-]+$")] = "sample"
    nodes: dict[str, Node] = {}
    steps: list[Node | str] = []
    since: date | None = None
    folder: Path = Path()
    verbose: bool = False

    @field_validator("folder")
    @classmethod
    def _relative(cls, folder: Path) -> Path:
        if folder.is_absolute():
            raise ValueError(f"the folder {str(folder)!r} is absolute; give one inside the project")
        return folder
