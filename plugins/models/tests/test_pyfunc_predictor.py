"""PyfuncPredictor over models that MLflow saved: tensors, dicts, frames, several outputs, failures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cmcore_models.pyfunc_predictor import PyfuncPredictor, mlflow

from .conftest import column, settings_of, tensor, write_mlmodel

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.integration]
LOADER = """
import numpy as np
import pandas as pd

class Model:
    def __init__(self, kind):
        self.kind = kind
    def predict(self, given, params=None):
        return getattr(self, self.kind)(given)
    def frame(self, given):
        return pd.DataFrame({"twice": given["x"] * 2, "text": given["name"].str.upper()})
    def pairs(self, given):
        return {"twice": given["x"] * 2}
    def matrix(self, given):
        return np.stack([given["x"], -given["x"]], axis=1)
    def negative(self, given):
        return -given
    def raising(self, given):
        raise RuntimeError("the line is busy")

def _load_pyfunc(path):
    return Model(open(path).read().strip())
"""


@pytest.fixture
def predictor_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., PyfuncPredictor]:
    """Writes a model whose answers are of one kind, and loads it."""

    def make(kind: str, inputs: list[object], outputs: list[object]) -> PyfuncPredictor:
        (tmp_path / "own_loader.py").write_text(LOADER)
        monkeypatch.syspath_prepend(str(tmp_path))
        flavor = {"loader_module": "own_loader", "data": "kind", "python_version": "3.11.0"}
        folder = write_mlmodel(tmp_path / "model", {"python_function": flavor}, inputs, outputs)
        (folder / "kind").write_text(kind)
        return PyfuncPredictor(folder, settings_of(folder))

    return make


X, NAME = column("double", "x"), column("string", "name")
GIVEN = {"x": np.array([[1.5], [np.nan]]), "name": np.array([b"ann", b""], dtype=object).reshape(2, 1)}


def test_columns_become_a_frame_and_its_columns_outputs(predictor_of: Callable[..., PyfuncPredictor]) -> None:
    answer = predictor_of("frame", [X, NAME], [column("string", "text"), column("double", "twice")]).predict(GIVEN)
    np.testing.assert_array_equal(answer["twice"], [[3.0], [np.nan]])
    assert answer["text"].tolist() == [["ANN"], [""]]


def test_a_dict_is_taken_by_name(predictor_of: Callable[..., PyfuncPredictor]) -> None:
    answer = predictor_of("pairs", [X, NAME], [column("float", "twice")]).predict(GIVEN)["twice"]
    np.testing.assert_array_equal(answer, np.array([[3.0], [np.nan]], dtype=np.float32))


def test_a_matrix_is_several_columns_in_order(predictor_of: Callable[..., PyfuncPredictor]) -> None:
    answer = predictor_of("matrix", [X, NAME], [column("double", "plus"), column("double", "minus")]).predict(GIVEN)
    assert (answer["plus"][0, 0], answer["minus"][0, 0]) == (1.5, -1.5)


def test_a_tensor_without_a_name_goes_in_as_an_array(predictor_of: Callable[..., PyfuncPredictor]) -> None:
    made = predictor_of("negative", [tensor("float32", [-1, 2, 2])], [tensor("float32", [-1, 2, 2])])
    given = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    np.testing.assert_array_equal(made.predict({"input_0": given})["output_0"], -given)


def test_named_tensors_go_in_by_name(predictor_of: Callable[..., PyfuncPredictor]) -> None:
    made = predictor_of("pairs", [tensor("int64", [-1, 3], "x")], [tensor("int64", [-1, 3], "twice")])
    given = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(made.predict({"x": given})["twice"], 2 * given)


def test_an_answer_of_another_size_is_told(predictor_of: Callable[..., PyfuncPredictor]) -> None:
    made = predictor_of("matrix", [X, NAME], [column("double", "plus")])
    with pytest.raises(ValueError, match=r"'plus' has the shape \[2, 2\], and \[2, 1\] is promised"):
        made.predict(GIVEN)


def test_what_the_model_raises_comes_through(predictor_of: Callable[..., PyfuncPredictor]) -> None:
    made = predictor_of("raising", [X, NAME], [column("double", "plus")])
    with pytest.raises(RuntimeError, match="the line is busy"):
        made.predict(GIVEN)


def test_a_folder_that_is_no_model_says_so(tmp_path: Path) -> None:
    folder = write_mlmodel(tmp_path, {"onnx": {"data": "model.onnx"}}, [X], [X])
    with pytest.raises(mlflow.exceptions.MlflowException, match="python_function"):
        PyfuncPredictor(folder, settings_of(folder))


def test_a_model_that_mlflow_saved_itself_is_answered(tmp_path: Path) -> None:
    from mlflow.models import infer_signature
    from mlflow.sklearn import save_model
    from sklearn.linear_model import LinearRegression

    frame = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0)[::-1].copy()})
    model = LinearRegression().fit(frame, frame["a"] * 3)
    folder = tmp_path / "saved"
    save_model(model, folder, signature=infer_signature(frame, model.predict(frame)), pip_requirements=[])
    made = PyfuncPredictor(folder, settings_of(folder))
    answer = made.predict({"a": frame[["a"]].to_numpy(), "b": frame[["b"]].to_numpy()})
    np.testing.assert_allclose(answer["output_0"].reshape(-1), model.predict(frame), atol=1e-9)
