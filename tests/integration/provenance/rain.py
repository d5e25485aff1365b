"""A pipeline that trains, evaluates and registers a model of three days."""

from __future__ import annotations

import json

from cmcore import InputArtifact, OutputArtifact, OutputDict, Parameter, Registrar, component, importer, pipeline
from cmcore.artifacts import Evaluation, Files, Model


@component
def mean(days: InputArtifact[Files]) -> OutputDict(pressure=float, rows=int):
    """The mean pressure and how many days there are."""
    values = [float(line) for line in (days.path / "days.txt").read_text().split()]
    return {"pressure": sum(values) / len(values), "rows": len(values)}


@component
def train(model: OutputArtifact[Model], pressure: Parameter[float], margin: Parameter[float]) -> None:
    """A limit below which it rains."""
    signature = {"inputs": json.dumps([{"name": "pressure", "type": "double"}])}
    with model.open("MLmodel", "w") as stream:
        json.dump({"signature": signature, "metadata": {"cmcore": {"label": "rain"}}}, stream)
    with model.open("limit.json", "w") as stream:
        json.dump(pressure - margin, stream)


@component
def evaluate(model: InputArtifact[Model], evaluation: OutputArtifact[Evaluation]) -> None:
    """What anybody may claim."""
    accuracy = {"value": 0.71, "low": 0.69, "high": 0.73}
    spring = {"of": {"season": "spring"}, "rows": 2, "metrics": {"accuracy": {"value": 0.5}}}
    document = {"overall": {"metrics": {"accuracy": accuracy}, "rows": 3}, "slices": [spring], "model": model.digest}
    with evaluation.open("evaluation.json", "w") as stream:
        json.dump(document, stream)
    evaluation.model = model.digest


@pipeline
def rain(margin: float = 3.0) -> None:
    """Whether it rains."""
    counted = mean(days=importer(uri="days", type=Files).artifact)
    trained = train(pressure=counted.pressure, margin=margin)
    judged = evaluate(model=trained.model)
    registrar = Registrar(
        model=trained.model, evaluation=judged.evaluation, name="rain", alias="candidate", require_blessing=False
    )
    registrar.named("register")
