"""A model of two harmless files, or of whatever a test lays into `evil/`."""

from __future__ import annotations

from pathlib import Path

from cmcore import OutputArtifact, Parameter, component, pipeline
from cmcore.artifacts import Model

MLMODEL = "flavors:\n  python_function:\n    loader_module: mlflow.onnx\n    data: weights.txt\n"


class Pickled(Model, allows=("pickle",)):
    """A model whose type says that pickles are all right."""


@component
def train(model: OutputArtifact[Model], word: Parameter[str]) -> None:
    model.path.joinpath("weights.txt").write_text(word)
    model.path.joinpath("MLmodel").write_text(MLMODEL)


@component
def train_evil(model: OutputArtifact[Model], folder: Parameter[str]) -> None:
    for file in sorted(Path(folder).rglob("*")):
        if file.is_file():
            target = model.path / file.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())


@pipeline
def words(word: str = "hello") -> None:
    train(word=word)


@component
def train_pickled(model: OutputArtifact[Pickled], folder: Parameter[str]) -> None:
    for file in Path(folder).iterdir():
        model.path.joinpath(file.name).write_bytes(file.read_bytes())


@pipeline
def evil(folder: str) -> None:
    train_evil(folder=folder)


@pipeline
def pickled(folder: str) -> None:
    train_pickled(folder=folder)
