"""Synthetic deliveries, and the eight components run over them once per session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cmcore import CodeRef, Context
from cmcore.artifacts import (
    Anomalies,
    Blessing,
    Evaluation,
    Examples,
    Files,
    Model,
    Schema,
    Statistics,
    TransformGraph,
)
from cmcore_tabular.csv_examples import csv_example_gen
from cmcore_tabular.evaluation.evaluate import evaluator
from cmcore_tabular.schema.generate import schema_gen
from cmcore_tabular.statistics.generate import statistics_gen
from cmcore_tabular.training.train import trainer
from cmcore_tabular.transform.generate import transform
from cmcore_tabular.validation.validate import example_validator

SPANS, ROWS = (1, 2, 3), 400
FEATURES = {
    "amount": {"kind": "numeric", "impute": "median", "scale": "standard", "indicator": True},
    "spread": {"kind": "numeric", "of": "amount - age"},
    "wave": {"kind": "numeric", "of": "sin(2 * pi * age / 24)"},
    "age": {"kind": "one_hot", "max_categories": 8, "unknown": "other"},
    "city": {"kind": "one_hot", "unknown": "other"},
    "shop": {"kind": "ordinal"},
    "member": {"kind": "one_hot"},
    "hour": {"kind": "numeric", "of": "hour_of(at)"},
}


def month(span: int) -> pl.DataFrame:
    """One delivery: numbers with gaps, texts, a boolean, an instant, a label that is sometimes missing."""
    random = np.random.default_rng(span)
    age, amount = random.integers(18, 40, ROWS), random.lognormal(2, 0.5, ROWS).round(2)
    chance = 1 / (1 + np.exp(-(amount - 8) / 2 - (age > 30)))
    late = (random.random(ROWS) < chance).astype(int)
    instants = np.datetime64("2024-01-01T00:00:00") + random.integers(0, 30 * 86_400, ROWS).astype("timedelta64[s]")
    return pl.DataFrame(
        {
            "id": np.arange(ROWS) + span * 10_000,
            "age": age,
            "amount": [None if gap else value for value, gap in zip(amount, random.random(ROWS) < 0.1, strict=True)],
            "city": random.choice(["Bonn", "Oslo", "Rome", "São Paulo"], ROWS, p=[0.5, 0.3, 0.15, 0.05]),
            "shop": [f"{number:03d}" for number in random.integers(0, 30, ROWS)],
            "member": random.choice(["true", "false"], ROWS),
            "at": np.datetime_as_string(instants),
            "label": [None if gap else value for value, gap in zip(late, random.random(ROWS) < 0.05, strict=True)],
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The artifacts of one pass through all components, under one folder."""

    folder: Path
    files: Files
    examples: Examples
    statistics: Statistics
    schema: Schema
    anomalies: Anomalies
    graph: TransformGraph
    transformed: Examples
    model: Model
    evaluation: Evaluation
    blessing: Blessing


def run_chain(files: Files, root: Path) -> Chain:
    """Carry out every component but Pusher."""

    def folder(name: str) -> Path:
        (root / name).mkdir(parents=True)
        return root / name

    chain = Chain(
        folder=root, files=files,
        examples=Examples.at(folder("examples")), statistics=Statistics.at(folder("statistics")),
        schema=Schema.at(folder("schema")), anomalies=Anomalies.at(folder("anomalies")),
        graph=TransformGraph.at(folder("graph")), transformed=Examples.at(folder("transformed")),
        model=Model.at(folder("model")), evaluation=Evaluation.at(folder("evaluation")),
        blessing=Blessing.at(folder("blessing")),
    )  # fmt: skip
    context = Context()
    csv_example_gen(
        files=files, examples=chain.examples, pattern="part-{span}.csv", spans="1..3",
        splits={"train": 2, "eval": 1}, key=["id"], required=["label"], null_values=[""], types={}, context=context,
    )  # fmt: skip
    statistics_gen(examples=chain.examples, statistics=chain.statistics, bins=10, top_values=50, context=context)
    schema_gen(
        statistics=chain.statistics, schema=chain.schema, split="train", max_domain=20,
        missing_slack=0.05, range_slack=0.1,
    )  # fmt: skip
    example_validator(
        statistics=chain.statistics, schema=chain.schema, baseline=None, serving=None, anomalies=chain.anomalies,
        train_split="train", skew_threshold=0.2, drift_threshold=0.2, thresholds={}, ignore=["id"], blocking=[],
        fail=False, context=context,
    )  # fmt: skip
    transform(
        examples=chain.examples, schema=chain.schema, transform_graph=chain.graph, transformed=chain.transformed,
        features=FEATURES, label="label", train_split="train", derive=None, context=context,
    )  # fmt: skip
    trainer(
        transformed=chain.transformed, transform_graph=chain.graph, examples=chain.examples, model=chain.model,
        estimator=CodeRef("sklearn.ensemble:HistGradientBoostingClassifier"),
        estimator_parameters={"max_iter": 10, "min_samples_leaf": 5}, train=None, train_split="train",
        eval_split="eval", seed=0, tolerance=1e-5, context=context,
    )  # fmt: skip
    evaluator(
        model=chain.model, examples=chain.examples, baseline=chain.model, evaluation=chain.evaluation,
        blessing=chain.blessing, eval_split="eval", slices=["city", "city,member"], max_slices=5,
        decision_threshold=0.5, thresholds={"auc": {"min": 0.6, "max_worsening": 0.01}}, tolerance=1e-5,
        context=context,
    )  # fmt: skip
    return chain


def write_months(folder: Path) -> Files:
    """Three deliveries as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    for span in SPANS:
        month(span).write_csv(folder / f"part-{span}.csv")
    return Files.at(folder)


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """All components over three deliveries."""
    root = tmp_path_factory.mktemp("chain")
    return run_chain(write_months(root / "files"), root / "first")


@pytest.fixture(scope="session")
def second_chain(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """The same once more, in other folders."""
    return run_chain(chain.files, tmp_path_factory.mktemp("second") / "second")


@pytest.fixture
def examples_of(tmp_path: Path) -> Callable[..., Examples]:
    """Makes examples of frames: splits by name, each a dict of frames by span."""

    def make(**splits: dict[int, pl.DataFrame]) -> Examples:
        for split, spans in splits.items():
            (tmp_path / "made" / f"Split-{split}").mkdir(parents=True)
            for span, frame in spans.items():
                frame.write_parquet(tmp_path / "made" / f"Split-{split}" / f"span-{span}.parquet")
        return Examples.at(tmp_path / "made", splits=sorted(splits))

    return make
