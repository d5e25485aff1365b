"""The model folder in the hands of the real MLflow."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pyfunc = pytest.importorskip("mlflow.pyfunc", reason="needs mlflow or mlflow-skinny, and pandas")
    onnx_flavor = pytest.importorskip("mlflow.onnx")
    sklearn_flavor = pytest.importorskip("mlflow.sklearn")

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def folder(chain: object) -> Path:
    return chain.model.path  # type: ignore[attr-defined, no-any-return] # the session's chain


@pytest.fixture
def answers(folder: Path) -> list[float]:
    return [each["probability"] for each in json.loads((folder / "sample_answer.json").read_text())["predictions"]]


def as_objects(frame):  # type: ignore[no-untyped-def] # pandas has no types here
    """The frame with its text as Python strings: MLflow 3.17 cannot pass the strings of pandas 3 to onnxruntime."""
    texts = [name for name in frame.columns if frame[name].dtype.kind not in "if"]
    return frame.astype(dict.fromkeys(texts, object))


def test_pyfunc_answers_the_sample_request_with_the_sample_answer(folder: Path, answers: list[float]) -> None:
    model = pyfunc.load_model(str(folder))
    assert model.predict(as_objects(model.input_example))["probability"].tolist() == answers


def test_the_signature_refuses_a_request_without_a_column(folder: Path) -> None:
    model = pyfunc.load_model(str(folder))
    with pytest.raises(Exception, match=r"missing inputs.*age"):
        model.predict(as_objects(model.input_example).drop(columns=["age"]))


def test_the_onnx_flavour_loads(folder: Path) -> None:
    assert [each.name for each in onnx_flavor.load_model(str(folder)).graph.output] == ["probability"]


def test_the_native_flavour_loads_and_agrees(folder: Path, answers: list[float]) -> None:
    model = sklearn_flavor.load_model(str(folder))
    rows = pyfunc.load_model(str(folder)).input_example
    assert model.predict_proba(rows)[:, 1].tolist() == pytest.approx(answers, abs=1e-6)
