"""What authors write passes a strict type checker, and what is wrong does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from mypy import api

pytestmark = pytest.mark.integration

GOOD = '''
from __future__ import annotations

from pathlib import Path
from typing import Optional, TypedDict

from cmcore import (
    AllowNaN, Component, ComponentSpec, Context, Executor, InputArtifact, InputSpec, OutputArtifact, OutputSpec,
    Parameter, Secret, component, importer, pipeline,
)
from cmcore.artifacts import Examples, Model
from pydantic import BaseModel


class Training(BaseModel):
    rate: float = 0.1


class Scores(TypedDict):
    loss: float
    auc: AllowNaN[float]


@component
def train(
    examples: InputArtifact[Examples],
    model: OutputArtifact[Model],
    context: Context,
    base: Optional[InputArtifact[Model]] = None,
    parts: InputArtifact[list[Examples]] | None = None,
    training: Parameter[Training] = Training(),
    epochs: Parameter[int] = 3,
) -> Scores:
    """The types inside are what the checker sees."""
    rows: int = examples.span + epochs
    (model.path / "weights").write_text(str(rows * training.rate))
    for part in parts or []:
        context.progress(part.span, rows)
    return {"loss": 0.5, "auc": float("nan")}


@component(name="Push", effect="external")
def push(model: InputArtifact[Model], token: Parameter[Secret[str]]) -> None:
    print(model.framework, token.reveal().upper())


@pipeline
def flights(data: str = "data", epochs: int = 3) -> None:
    raw = importer(uri=data, type=Examples).named("raw")
    trained = train(examples=raw.artifact, epochs=epochs)
    again = train(raw.artifact, epochs=trained.loss).options(timeout_s=5)
    push(model=again.model, token=Secret("api"))


def test_it(tmp_path: Path) -> None:
    model = Model.at(tmp_path, framework="sklearn")
    scores = train(Examples.at(tmp_path), model, Context(), None, None, Training(), 5)
    print(scores["loss"] + 1, model.framework.upper())
'''
WRONG = {
    "the type inside of an input is seen": ("def f(e: InputArtifact[Examples]) -> int:\n    return e.spans", "spans"),
    "the type inside of a parameter is seen": ("def f(n: Parameter[int]) -> str:\n    return n", "return-value"),
    "an optional input may be None": (
        "def f(m: InputArtifact[Model] | None) -> str:\n    return m.framework", "union-attr",
    ),
    "a list input is a list": ("def f(e: InputArtifact[list[Examples]]) -> int:\n    return e.span", "attr-defined"),
    "a secret is no text": ("def f(t: Parameter[Secret[str]]) -> str:\n    return t", "return-value"),
}  # fmt: skip
HEAD = """
from cmcore import InputArtifact, Parameter, Secret
from cmcore.artifacts import Examples, Model

"""


def checked(folder: Path, text: str) -> str:
    """What a strict mypy says of a file."""
    (folder / "authors.py").write_text(text)
    cache = Path(__file__).parents[3] / ".mypy_cache"
    config = Path(__file__).parents[3] / "pyproject.toml"
    out, _, _ = api.run(
        ["--strict", "--config-file", str(config), "--cache-dir", str(cache), str(folder / "authors.py")]
    )
    return out


@pytest.mark.timeout(120)
def test_what_authors_write_passes_strict_checks(tmp_path: Path) -> None:
    assert checked(tmp_path, GOOD).startswith("Success")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("claim", WRONG)
def test_the_checker_sees_mistakes(tmp_path: Path, claim: str) -> None:
    text, complaint = WRONG[claim]
    assert complaint in checked(tmp_path, HEAD + text)
