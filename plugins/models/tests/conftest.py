"""A model that cmcore_tabular's own trainer made, small ones made here, and how each is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from cmcore import CodeRef, Context
from cmcore.artifacts import Examples, Files, Model, Schema, Statistics, TransformGraph
from cmcore.inference.interface import read_model
from cmcore.serving.predictor import PredictorSettings, predictor_settings
from cmcore_tabular.csv_examples import csv_example_gen
from cmcore_tabular.schema.generate import schema_gen
from cmcore_tabular.statistics.generate import statistics_gen
from cmcore_tabular.training.train import trainer
from cmcore_tabular.transform.generate import transform

ROWS = 900
FEATURES = {
    "amount": {"kind": "numeric", "impute": "median", "indicator": True},
    "age": {"kind": "numeric"},
    "city": {"kind": "one_hot", "unknown": "other"},
}


def orders(seed: int = 0, rows: int = ROWS) -> pl.DataFrame:
    """Numbers with gaps, whole numbers, texts, a label."""
    random = np.random.default_rng(seed)
    age, amount = random.integers(18, 40, rows), random.lognormal(2, 0.5, rows).round(2)
    chance = 1 / (1 + np.exp(-(amount - 8) / 2 - (age > 30)))
    return pl.DataFrame(
        {
            "id": np.arange(rows) + seed * 10_000,
            "age": age,
            "amount": [None if gap else value for value, gap in zip(amount, random.random(rows) < 0.1, strict=True)],
            "city": random.choice(["Bonn", "Oslo", "São Paulo"], rows, p=[0.5, 0.3, 0.2]),
            "label": (random.random(rows) < chance).astype(int),
        }
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Examples]:
    """A model in all three flavors, and the examples that it was trained on."""
    root = tmp_path_factory.mktemp("trained")

    def folder(name: str) -> Path:
        (root / name).mkdir()
        return root / name

    (files := folder("files")).joinpath("part-1.csv").write_text(orders(1).write_csv())
    (files / "part-2.csv").write_text(orders(2).write_csv())
    examples, statistics = Examples.at(folder("examples")), Statistics.at(folder("statistics"))
    schema, graph = Schema.at(folder("schema")), TransformGraph.at(folder("graph"))
    transformed, model, context = Examples.at(folder("transformed")), Model.at(folder("model")), Context()
    csv_example_gen(
        files=Files.at(files), examples=examples, pattern="part-{span}.csv", spans="all", context=context,
        splits={"train": 2, "eval": 1}, key=["id"], required=["label"], null_values=[""], types={},
    )  # fmt: skip
    statistics_gen(examples=examples, statistics=statistics, bins=10, top_values=50, context=context)
    schema_gen(
        statistics=statistics, schema=schema, split="train", max_domain=20, missing_slack=0.05, range_slack=0.1
    )  # fmt: skip
    transform(
        examples=examples, schema=schema, transform_graph=graph, transformed=transformed, features=FEATURES,
        label="label", train_split="train", derive=None, context=context,
    )  # fmt: skip
    trainer(
        transformed=transformed, transform_graph=graph, examples=examples, model=model, seed=0, tolerance=1e-5,
        estimator=CodeRef("sklearn.ensemble:HistGradientBoostingClassifier"), train=None, train_split="train",
        estimator_parameters={"max_iter": 10}, eval_split="eval", context=context,
    )  # fmt: skip
    return model, examples


def write_mlmodel(
    folder: Path, flavors: dict[str, object], inputs: Sequence[object], outputs: Sequence[object]
) -> Path:
    """An `MLmodel` as MLflow writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    signature = {"inputs": json.dumps(list(inputs)), "outputs": json.dumps(list(outputs)), "params": None}
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": flavors, "signature": signature}))
    return folder


def column(kind: str, name: str, *, required: bool = True) -> dict[str, object]:
    """A column of a signature."""
    return {"type": kind, "name": name, "required": required}


def tensor(dtype: str, shape: Sequence[int], name: str = "") -> dict[str, object]:
    """A tensor of a signature."""
    return {
        "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}, **({"name": name} if name else {}),
    }  # fmt: skip


def settings_of(folder: Path, threads: int = 1) -> PredictorSettings:
    """What the core tells a predictor of this model."""
    interface = read_model(folder).interface
    assert interface is not None
    return predictor_settings(interface, threads=threads)


@pytest.fixture
def parquet_of(tmp_path: Path) -> Callable[..., Files]:
    """Makes a folder of Parquet files from frames by name."""

    def make(row_group_size: int = 100, **frames: pl.DataFrame) -> Files:
        (tmp_path / "rows").mkdir(exist_ok=True)
        for name, frame in frames.items():
            frame.write_parquet(tmp_path / "rows" / f"{name}.parquet", row_group_size=row_group_size)
        return Files.at(tmp_path / "rows")

    return make
