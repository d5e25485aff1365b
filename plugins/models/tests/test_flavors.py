"""The three flavors of one model give the same answers, from raw columns to probabilities."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from cmcore.artifacts import Examples, Model
from cmcore.inference.sample import recorded_rows, request_of
from cmcore.serving.predictor import Predictor
from cmcore_models.batch.predict import interface_of
from cmcore_models.onnx_predictor import DTYPES, Array
from cmcore_models.plugin import FLAVORS

from .conftest import settings_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of MLflow's own dependencies
CITIES = ["Bonn", "São Paulo", "Atlantis", ""]


def predictor(flavor: str, folder: Path) -> Predictor:
    module, _, name = FLAVORS[flavor][0].partition(":")
    made: Predictor = getattr(import_module(module), name)(folder, settings_of(folder))
    return made


def rows(count: int = 4) -> Mapping[str, Array]:
    """Columns as a server hands them over: [rows, 1]; a missing amount, an unknown and an empty city."""
    return {
        "age": np.arange(20, 20 + count, dtype=np.int64).reshape(count, 1),
        "amount": np.array([3.5, np.nan, 21.0, 8.25] * count)[:count].reshape(count, 1),
        "city": np.array(CITIES * count, dtype=object)[:count].reshape(count, 1),
    }


@pytest.fixture(scope="module")
def onnx(trained: tuple[Model, Examples]) -> Predictor:
    return predictor("onnx", trained[0].path)


@pytest.mark.parametrize("flavor", ["sklearn", "python_function"])
@pytest.mark.parametrize("count", [1, 4, 257])
def test_probabilities_agree_with_those_of_onnx(
    trained: tuple[Model, Examples], onnx: Predictor, flavor: str, count: int
) -> None:
    found = predictor(flavor, trained[0].path).predict(rows(count))["probability"]
    np.testing.assert_allclose(found, onnx.predict(rows(count))["probability"], atol=1e-6)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_answers_have_the_type_and_shape_of_the_interface(trained: tuple[Model, Examples], flavor: str) -> None:
    found = predictor(flavor, trained[0].path).predict(rows())["probability"]
    assert (found.dtype, found.shape) == (np.float32, (4, 1))


@pytest.mark.parametrize("flavor", FLAVORS)
def test_no_rows_have_no_answers(trained: tuple[Model, Examples], flavor: str) -> None:
    found = predictor(flavor, trained[0].path).predict(rows(0))["probability"]
    assert (found.dtype, found.shape) == (np.float32, (0, 1))


@pytest.mark.parametrize("flavor", FLAVORS)
def test_texts_may_come_as_bytes(trained: tuple[Model, Examples], onnx: Predictor, flavor: str) -> None:
    encoded = {**rows(), "city": np.array([city.encode() for city in CITIES], dtype=object).reshape(4, 1)}
    found = predictor(flavor, trained[0].path).predict(encoded)["probability"]
    np.testing.assert_allclose(found, onnx.predict(rows())["probability"], atol=1e-6)


@pytest.mark.parametrize("flavor", FLAVORS)
def test_each_module_stands_alone(flavor: str) -> None:
    module = import_module(FLAVORS[flavor][0].partition(":")[0])
    tree = ast.parse(Path(str(module.__file__)).read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert [name for name in imported if name.startswith("cmcore")] == []


@pytest.mark.parametrize("flavor", FLAVORS)
def test_the_recorded_sample_is_answered_as_recorded(trained: tuple[Model, Examples], flavor: str) -> None:
    folder = trained[0].path
    request = request_of(recorded_rows(folder), interface_of(folder))
    inputs = {it.name: np.array(it.data, dtype=DTYPES[it.datatype]).reshape(it.shape) for it in request.inputs}
    recorded = json.loads((folder / "sample_answer.json").read_text())["predictions"]
    found = predictor(flavor, folder).predict(inputs)["probability"]
    np.testing.assert_allclose(found[:, 0], [row["probability"] for row in recorded], atol=1e-6)
