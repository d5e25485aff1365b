"""BatchPredictor with real workers: every row once and in order, bad rows, refusals, a contract."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import polars as pl
import pytest
from onnx import TensorProto, helper

from cmcore import Component, Context
from cmcore.artifacts import Artifact, Examples, Files, Model, Predictions
from cmcore.errors import UsageError
from cmcore.inference.interface import Interface
from cmcore.testing.component import ComponentContract
from cmcore.testing.plugins import PluginContract
from cmcore_models import BatchPredictor
from cmcore_models.batch.predict import interface_of
from cmcore_models.batch.shards import cuts
from cmcore_models.errors import BatchError
from cmcore_models.onnx_predictor import OnnxPredictor

from .conftest import column, orders, settings_of, write_mlmodel

integration = pytest.mark.integration
Run = Callable[..., pl.DataFrame]


class TestModels(PluginContract):
    @pytest.fixture
    def plugin_module(self) -> str:
        return "cmcore_models.plugin"


@integration
class TestBatchPredictor(ComponentContract):
    @pytest.fixture
    def component(self) -> Component:
        return BatchPredictor

    @pytest.fixture
    def inputs(self, trained: tuple[Model, Examples]) -> Mapping[str, list[Artifact]]:
        return {"model": [trained[0]], "examples": [trained[1]]}

    @pytest.fixture
    def parameters(self) -> Mapping[str, object]:
        return {"keep": ["id"], "shard_rows": 100, "workers": 2}


@pytest.fixture
def output(tmp_path: Path) -> Predictions:
    return Predictions.at(tmp_path / "predictions")


@pytest.fixture
def predicted(output: Predictions) -> Run:
    """Runs the component; the rows of its output in the order of the manifest."""

    def run(model: Model, **given: object) -> pl.DataFrame:
        BatchPredictor(model=model, predictions=output, **given)
        return rows_of(output.path)

    return run


def rows_of(folder: Path) -> pl.DataFrame:
    return pl.concat(pl.read_parquet(folder / shard["file"]) for shard in manifest_of(folder)["shards"])


def manifest_of(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "predictions.json").read_text())
    return found


def straight(model: Model, rows: pl.DataFrame) -> np.ndarray:
    """What one call of the predictor says."""
    columns = {
        "age": rows["age"].to_numpy().reshape(-1, 1),
        "amount": rows["amount"].cast(pl.Float64).fill_null(float("nan")).to_numpy().reshape(-1, 1),
        "city": rows["city"].to_numpy().astype(object).reshape(-1, 1),
    }
    return OnnxPredictor(model.path, settings_of(model.path)).predict(columns)["probability"][:, 0]


@integration
@pytest.mark.parametrize(("batch_rows", "shard_rows", "group"), [(8192, 10**6, 100), (7, 100, 33), (1000, 1, 5)])
def test_each_row_is_answered_once_and_in_order(
    trained: tuple[Model, Examples], parquet_of: Callable[..., Files], predicted: Run,
    batch_rows: int, shard_rows: int, group: int,
) -> None:  # fmt: skip
    frames = {"part-2": orders(5, 40), "part-10": orders(6, 11)}
    files = parquet_of(group, **frames)
    found = predicted(trained[0], files=files, keep=["id", "city"], batch_rows=batch_rows, shard_rows=shard_rows)
    rows = pl.concat(frames.values())
    assert found.select("id", "city").equals(rows.select("id", "city"))
    np.testing.assert_allclose(found["probability"], straight(trained[0], rows), atol=1e-7)


@integration
def test_more_workers_write_the_same_bytes(
    trained: tuple[Model, Examples], parquet_of: Callable[..., Files], tmp_path: Path
) -> None:
    files = parquet_of(one=orders(5, 500))
    for workers in (1, 3):
        BatchPredictor(
            model=trained[0], files=files, predictions=Predictions.at(tmp_path / str(workers)), workers=workers,
            shard_rows=90,
        )  # fmt: skip
    assert contents(tmp_path / "1") == contents(tmp_path / "3")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@integration
def test_one_split_of_examples_can_be_asked_for(
    trained: tuple[Model, Examples], predicted: Run, output: Predictions
) -> None:
    rows = predicted(trained[0], examples=trained[1], split="eval", keep=["label"])
    wanted = pl.concat(pl.read_parquet(trained[1].path / f"Split-eval/span-{it}.parquet") for it in (1, 2))
    assert rows["label"].to_list() == wanted["label"].to_list()
    assert manifest_of(output.path)["rows_out"] == wanted.height


@integration
@pytest.mark.parametrize("flavor", ["sklearn", "python_function"])
def test_another_flavor_can_be_asked_for(
    trained: tuple[Model, Examples], parquet_of: Callable[..., Files], predicted: Run, flavor: str
) -> None:
    found = predicted(trained[0], files=parquet_of(one=orders(5, 50)), flavor=flavor)
    np.testing.assert_allclose(found["probability"], straight(trained[0], orders(5, 50)), atol=1e-6)


@integration
def test_no_rows_leave_an_empty_file_with_the_schema(
    trained: tuple[Model, Examples], parquet_of: Callable[..., Files], predicted: Run
) -> None:
    found = predicted(trained[0], files=parquet_of(one=orders(5, 0)), keep=["id"])
    assert found.schema == {"id": pl.Int64, "probability": pl.Float32}


def spoilt(*rows: int) -> pl.DataFrame:
    """Orders without an age in some rows, which the model cannot do without."""
    return orders(5, 30).with_row_index("at").with_columns(age=pl.when(~pl.col("at").is_in(rows)).then("age"))


@integration
def test_a_bad_row_fails_with_its_file_row_group_row_and_column(
    trained: tuple[Model, Examples], parquet_of: Callable[..., Files], predicted: Run
) -> None:
    with pytest.raises(BatchError, match=r"one\.parquet, row group 2, row 23: column 'age' has None, not INT64"):
        predicted(trained[0], files=parquet_of(10, one=spoilt(23, 27)))


@integration
def test_bad_rows_are_null_and_counted_where_that_is_asked_for(
    trained: tuple[Model, Examples], parquet_of: Callable[..., Files], predicted: Run, output: Predictions
) -> None:
    found = predicted(
        trained[0], files=parquet_of(10, one=spoilt(3, 23)), keep=["at"], on_bad_row="null", shard_rows=20
    )
    assert found.filter(pl.col("probability").is_null())["at"].to_list() == [3, 23]
    assert (found.height, manifest_of(output.path)["bad_rows"]) == (30, 2)


def logarithm(folder: Path) -> Model:
    """A model that has no number for what is not positive, and raises for what is no text of a number."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Cast", ["x"], ["number"], to=TensorProto.FLOAT), helper.make_node("Log", ["number"], ["y"])],
        "graph", [value("x", TensorProto.STRING, ["rows"])], [value("y", TensorProto.FLOAT, ["rows"])],
    )  # fmt: skip
    write_mlmodel(folder, {"onnx": {"data": "model.onnx"}}, [column("string", "x")], [column("float", "y")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.save(made, folder / "model.onnx")
    return Model.at(folder)


TEXTS = [*map(str, range(1, 40)), "-1", *map(str, range(1, 20)), "many", "2"]


@integration
def test_rows_that_the_model_fails_on_are_found_among_the_others(
    tmp_path: Path, parquet_of: Callable[..., Files], predicted: Run
) -> None:
    files = parquet_of(one=pl.DataFrame({"x": TEXTS}))
    found = predicted(logarithm(tmp_path / "model"), files=files, keep=["x"], on_bad_row="null")
    assert found.filter(pl.col("y").is_null())["x"].to_list() == ["-1", "many"]
    np.testing.assert_allclose(found["y"].drop_nulls(), np.log([float(it) for it in TEXTS if it not in ("-1", "many")]))


@integration
@pytest.mark.parametrize(
    ("text", "told"), [("many", "row 1: the model raised"), ("0", r"row 1: the model answered y \[-inf\]")]
)
def test_the_first_row_that_the_model_fails_on_is_named(
    tmp_path: Path, parquet_of: Callable[..., Files], predicted: Run, text: str, told: str
) -> None:
    files = parquet_of(one=pl.DataFrame({"x": ["1", text, "1", text]}))
    with pytest.raises(BatchError, match=told):
        predicted(logarithm(tmp_path / "model"), files=files)


@integration
def test_a_model_that_fails_on_every_row_is_not_taken_for_bad_rows(
    tmp_path: Path, parquet_of: Callable[..., Files], predicted: Run
) -> None:
    files = parquet_of(one=pl.DataFrame({"x": ["many"] * 40}))
    with pytest.raises(BatchError, match="raised for every one of 40 rows"):
        predicted(logarithm(tmp_path / "model"), files=files, on_bad_row="null")


@integration
def test_a_model_that_cannot_be_loaded_says_so(
    tmp_path: Path, parquet_of: Callable[..., Files], predicted: Run
) -> None:
    model = logarithm(tmp_path / "model")
    (model.path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(BatchError, match=r"a worker failed .*model\.onnx failed"):
        predicted(model, files=parquet_of(one=pl.DataFrame({"x": ["1"]})))


def test_everything_that_does_not_fit_is_told_at_once(
    trained: tuple[Model, Examples], parquet_of: Callable[..., Files], predicted: Run
) -> None:
    files = parquet_of(one=orders(5, 3).drop("age"), two=orders(5, 3).with_columns(city=pl.lit(1.5)))
    with pytest.raises(BatchError) as raised:
        predicted(trained[0], files=files, keep=["nothing"])
    told = str(raised.value)
    assert [told.count(text) for text in ("no column 'nothing' to keep", "no column 'age'", "'city' is of double")] == [
        2,
        1,
        1,
    ]


REFUSED = [
    ({"split": "test"}, "no split 'test' in these examples; splits: eval, train"),
    ({"flavor": "keras"}, "flavor 'keras' was asked for: the model has onnx, python_function, sklearn"),
    ({"table": "answers"}, "a database and a table are given together"),
    ({"keep": ["probability"]}, "no column 'probability' to keep"),
]


@pytest.mark.parametrize(("asked", "told"), REFUSED)
def test_what_cannot_be_is_refused(
    trained: tuple[Model, Examples], predicted: Run, asked: dict[str, object], told: str
) -> None:
    with pytest.raises(BatchError, match=told):
        predicted(trained[0], examples=trained[1], **asked)


def test_rows_come_from_one_place(trained: tuple[Model, Examples], predicted: Run) -> None:
    with pytest.raises(UsageError, match="none of them were given"):
        predicted(trained[0])


def test_a_folder_without_parquet_is_told(trained: tuple[Model, Examples], predicted: Run, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"no file in .* is like '\*\*/\*\.parquet'"):
        predicted(trained[0], files=Files.at(tmp_path))


def test_a_file_that_is_no_parquet_is_named(trained: tuple[Model, Examples], predicted: Run, tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(BatchError, match=r"torn\.parquet cannot be read as Parquet"):
        predicted(trained[0], files=Files.at(tmp_path))


def test_a_model_without_a_signature_is_refused(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {onnx: {}}\n")
    with pytest.raises(BatchError, match="has no signature"):
        interface_of(tmp_path)


@pytest.mark.parametrize(("rows", "most"), [(0, 5), (1, 5), (5, 5), (6, 5), (1000, 7)])
def test_cuts_take_each_row_once_and_none_is_above_the_most(rows: int, most: int) -> None:
    found = list(cuts(rows, most))
    assert [row for first, stop in found for row in range(first, stop)] == list(range(rows))
    assert all(0 < stop - first <= most for first, stop in found)


class Stopping:
    """A channel of somebody who wants it to end at once."""

    cancelled = True

    def report(self, kind: str, data: Mapping[str, object]) -> None:
        """Nothing."""


@integration
def test_a_cancelled_attempt_ends_and_says_so(
    trained: tuple[Model, Examples], parquet_of: Callable[..., Files], predicted: Run, output: Predictions
) -> None:
    with pytest.raises(BatchError, match="cancelled; finished shards are kept"):
        predicted(trained[0], files=parquet_of(one=orders(5, 50)), context=Context(channel=Stopping()))
    assert not (output.path / "predictions.json").exists()


def test_the_interface_of_a_trained_model_is_batched(trained: tuple[Model, Examples]) -> None:
    assert isinstance(found := interface_of(trained[0].path), Interface)
    assert found.batched
