"""Rain below a limit of air pressure: models, evaluations and blessings for the tests of registration."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from random import Random
from statistics import fmean, stdev

from cmcore import InputArtifact, OutputArtifact, Parameter, Registrar, component, pipeline, resolver
from cmcore.artifacts import Blessing, Evaluation, Model

RANDOM = Random(0)
DAYS = [(pressure, RANDOM.gauss(pressure, 5) < 1010) for pressure in (RANDOM.gauss(1013, 10) for _ in range(2000))]


@component
def train(model: OutputArtifact[Model], limit: Parameter[float], column: Parameter[str], evil: Parameter[bool]) -> None:
    signature = {
        "inputs": json.dumps([{"name": column, "type": "double"}]),
        "outputs": json.dumps([{"name": "rain", "type": "boolean"}]),
    }
    with model.open("MLmodel", "w") as stream:
        json.dump({"signature": signature, "metadata": {"cmcore": {"label": "rain"}}}, stream)
    with model.open("limit.json", "w") as stream:
        json.dump(limit, stream)
    if evil:
        with model.open("model.pkl", "wb") as stream:
            stream.write(b"cos\nsystem\n(S'true'\ntR.")


@component
def evaluate(
    model: InputArtifact[Model],
    baseline: InputArtifact[Model | None],
    evaluation: OutputArtifact[Evaluation],
    blessing: OutputArtifact[Blessing],
    spoil: Parameter[bool],
) -> None:
    own = hits(model)
    document = {
        "model": model.digest,
        "higher_is_better": {"accuracy": True},
        "overall": {"rows": len(own), "metrics": "none" if spoil else {"accuracy": interval(own)}},
    }
    if baseline:
        paired = [new - old for new, old in zip(own, hits(baseline), strict=True)]
        document["comparison"] = {"baseline": baseline.digest, "differences": {"accuracy": interval(paired)}}
    with evaluation.open("evaluation.json", "w") as stream:
        json.dump(document, stream)
    evaluation.model = blessing.current_model = model.digest or ""
    blessing.blessed = fmean(own) > 0.65


class Pickled(Model, allows=("pickle",)):
    """A model that says that it is a pickle."""


@component
def pickled_model(model: OutputArtifact[Pickled]) -> None:
    with model.open("model.pkl", "wb") as stream:
        pickle.dump({"limit": 1000.0}, stream)


def hits(model: Model) -> list[bool]:
    with model.open("limit.json") as stream:
        limit = json.load(stream)
    return [(pressure < limit) == rained for pressure, rained in DAYS]


def interval(values: Sequence[float]) -> dict[str, float]:
    value, half = fmean(values), 1.96 * stdev(values) / len(values) ** 0.5
    return {"value": value, "low": value - half, "high": value + half}


@pipeline
def rain(limit: float = 1000.0, column: str = "pressure", evil: bool = False, spoil: bool = False) -> None:
    trained = train(limit=limit, column=column, evil=evil)
    best = resolver("latest-blessed-model", candidate=trained.model).named("best")
    evaluate(model=trained.model, baseline=best.model, spoil=spoil)


@pipeline
def pickled() -> None:
    pickled_model().named("train")


@pipeline
def registered(limit: float = 1000.0, column: str = "pressure", evil: bool = False) -> None:
    trained = train(limit=limit, column=column, evil=evil)
    best = resolver("latest-blessed-model", candidate=trained.model).named("best")
    judged = evaluate(model=trained.model, baseline=best.model, spoil=False)
    Registrar(
        model=trained.model, evaluation=judged.evaluation, blessing=judged.blessing, name="rain", alias="candidate"
    ).named("register")
