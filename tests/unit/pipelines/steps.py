"""Components that pipelines of the tests are made of. Nothing here runs."""

from __future__ import annotations

from pydantic import BaseModel

from cmcore import (
    AllowNaN,
    Artifact,
    CodeRef,
    InputArtifact,
    OutputArtifact,
    OutputDict,
    Parameter,
    Secret,
    component,
)
from cmcore.artifacts import Examples, Float, Integer, Model, ValueArtifact


class Embeddings(Examples):
    """Examples of a special kind."""


class Hyper(BaseModel):
    rate: float = 0.1
    derive: CodeRef | None = None


@component
def make(examples: OutputArtifact[Examples], rows: Parameter[int] = 10, seed: Parameter[int | None] = None) -> None: ...


@component
def embed(embeddings: OutputArtifact[Embeddings]) -> None: ...


@component
def train(
    examples: InputArtifact[Examples], model: OutputArtifact[Model], base: InputArtifact[Model] | None = None,
    rate: Parameter[float] = 0.1,
) -> OutputDict(loss=float, auc=AllowNaN[float], epochs=int, notes=dict[str, str]): ...  # fmt: skip


@component
def merge(parts: InputArtifact[list[Examples]], merged: OutputArtifact[Examples]) -> None: ...


@component
def read(number: InputArtifact[Integer], other: InputArtifact[Float] | None = None) -> None: ...


@component
def read_any(value: InputArtifact[ValueArtifact]) -> None: ...


@component
def push(model: InputArtifact[Model], token: Parameter[Secret[str]], where: Parameter[str] = "here") -> None: ...


@component
def tune(hyper: Parameter[Hyper], derive: Parameter[CodeRef | None] = None) -> None: ...


def derive(row: dict[str, object]) -> dict[str, object]:
    """Code that a parameter names."""
    return row


def derive_otherwise(row: dict[str, object]) -> dict[str, object]:
    """Other code."""
    return dict(row)


class NotAnArtifact:
    """A class of another kind."""


ANY: type[Artifact] = Artifact
