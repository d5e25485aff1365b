"""SklearnPredictor over models fitted here: what they take, what answers which output, what is not loaded."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from cmcore_models.sklearn_predictor import SklearnPredictor

from .conftest import column, settings_of, tensor, write_mlmodel

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(90, 2))
SIDES, TEXTS = np.arange(90) % 2, np.array(["ant", "bee", "cat"])[np.arange(90) % 3]


@pytest.fixture
def predictor_of(tmp_path: Path) -> Callable[..., SklearnPredictor]:
    """Stores a model and loads it."""

    def make(model: object, inputs: Sequence[object], outputs: Sequence[object]) -> SklearnPredictor:
        skops.io.dump(model, tmp_path / "model.skops")
        trusted = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
        flavor = {"pickled_model": "model.skops", "serialization_format": "skops", "skops_trusted_types": trusted}
        folder = write_mlmodel(tmp_path, {"sklearn": flavor}, inputs, outputs)
        return SklearnPredictor(folder, settings_of(folder))

    return make


def columns_of(features: np.ndarray, *names: str) -> dict[str, np.ndarray]:
    return {name: features[:, [index]] for index, name in enumerate(names)}


AB = [column("double", "a"), column("double", "b")]


def test_a_model_fitted_on_a_matrix_gets_its_columns_as_one(predictor_of: Callable[..., SklearnPredictor]) -> None:
    model = LogisticRegression().fit(FEATURES, SIDES)
    answer = predictor_of(model, AB, [column("double", "probability")]).predict(columns_of(FEATURES, "a", "b"))
    np.testing.assert_allclose(answer["probability"][:, 0], model.predict_proba(FEATURES)[:, 1], atol=1e-12)


def test_a_model_fitted_on_a_frame_gets_its_columns_by_name(predictor_of: Callable[..., SklearnPredictor]) -> None:
    frame = pd.DataFrame({"kind": TEXTS.astype(object), "size": FEATURES[:, 0]})
    encode = ColumnTransformer([("kinds", OneHotEncoder(), ["kind"])], remainder="passthrough")
    model = make_pipeline(encode, LogisticRegression()).fit(frame, SIDES)
    made = predictor_of(model, [column("double", "size"), column("string", "kind")], [column("double", "probability")])
    given = {"size": FEATURES[:, [0]], "kind": np.array([it.encode() for it in TEXTS], dtype=object).reshape(-1, 1)}
    np.testing.assert_allclose(made.predict(given)["probability"][:, 0], model.predict_proba(frame)[:, 1], atol=1e-12)


def test_a_matrix_goes_in_as_it_is(predictor_of: Callable[..., SklearnPredictor]) -> None:
    model = LinearRegression().fit(FEATURES, FEATURES.sum(axis=1))
    made = predictor_of(model, [tensor("float64", [-1, 2])], [tensor("float64", [-1])])
    np.testing.assert_allclose(made.predict({"input_0": FEATURES})["output_0"], FEATURES.sum(axis=1), atol=1e-9)


def test_labels_and_probabilities_are_told_apart_by_type_and_name(
    predictor_of: Callable[..., SklearnPredictor],
) -> None:
    model = LogisticRegression().fit(FEATURES, TEXTS)
    outputs = [column("string", "label"), tensor("float32", [-1, 3], "probabilities")]
    answer = predictor_of(model, AB, outputs).predict(columns_of(FEATURES, "a", "b"))
    assert answer["label"][:, 0].tolist() == model.predict(FEATURES).tolist()
    np.testing.assert_allclose(answer["probabilities"], model.predict_proba(FEATURES), atol=1e-6)


def test_an_output_named_after_a_class_is_its_probability(predictor_of: Callable[..., SklearnPredictor]) -> None:
    model = LogisticRegression().fit(FEATURES, TEXTS)
    outputs = [column("double", "cat"), column("double", "ant")]
    answer = predictor_of(model, AB, outputs).predict(columns_of(FEATURES, "a", "b"))
    np.testing.assert_allclose(answer["cat"][:, 0], model.predict_proba(FEATURES)[:, 2])
    np.testing.assert_allclose(answer["ant"][:, 0], model.predict_proba(FEATURES)[:, 0])


def test_a_float_that_is_called_a_label_is_the_predicted_class(predictor_of: Callable[..., SklearnPredictor]) -> None:
    model = LogisticRegression().fit(FEATURES, SIDES)
    answer = predictor_of(model, AB, [column("double", "prediction")]).predict(columns_of(FEATURES, "a", "b"))
    assert answer["prediction"][:, 0].tolist() == model.predict(FEATURES).tolist()


def test_several_numbers_of_a_regression_are_taken_in_order(predictor_of: Callable[..., SklearnPredictor]) -> None:
    model = LinearRegression().fit(FEATURES, np.stack([FEATURES[:, 0], -FEATURES[:, 1]], axis=1))
    outputs = [column("double", "first"), column("double", "second")]
    answer = predictor_of(model, AB, outputs).predict(columns_of(FEATURES, "a", "b"))
    np.testing.assert_allclose(answer["second"][:, 0], -FEATURES[:, 1], atol=1e-9)


def test_a_matrix_where_a_column_is_promised_is_told(predictor_of: Callable[..., SklearnPredictor]) -> None:
    made = predictor_of(LogisticRegression().fit(FEATURES, TEXTS), AB, [column("double", "score")])
    with pytest.raises(ValueError, match=r"'score' has the shape \[90, 3\], and \[90, 1\] is promised"):
        made.predict(columns_of(FEATURES, "a", "b"))


def test_a_pickle_is_refused_with_the_reason(tmp_path: Path) -> None:
    folder = write_mlmodel(
        tmp_path, {"sklearn": {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"}}, AB, AB
    )
    (folder / "model.pkl").write_bytes(pickle.dumps(LinearRegression()))
    with pytest.raises(
        ValueError, match=r"A pickle is not loaded: that runs whatever code it holds\. Save the model with"
    ):
        SklearnPredictor(folder, settings_of(folder))


def test_a_type_that_the_model_does_not_name_is_refused(tmp_path: Path, trained: tuple[object, object]) -> None:
    source = trained[0].path / "model.skops"  # type: ignore[attr-defined] # the session's model
    folder = write_mlmodel(tmp_path, {"sklearn": {"pickled_model": "model.skops", "skops_trusted_types": []}}, AB, AB)
    (folder / "model.skops").write_bytes(source.read_bytes())
    with pytest.raises(ValueError, match=r"holds cmcore_tabular\.model\.native\.RawFeatures, .* does not name"):
        SklearnPredictor(folder, settings_of(folder))


def test_a_model_outside_the_folder_is_refused(tmp_path: Path) -> None:
    folder = write_mlmodel(tmp_path / "model", {"sklearn": {"pickled_model": "../model.skops"}}, AB, AB)
    with pytest.raises(ValueError, match="outside its folder"):
        SklearnPredictor(folder, settings_of(folder))


def test_a_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    folder = write_mlmodel(tmp_path, {"sklearn": {"pickled_model": "model.skops"}}, AB, AB)
    with pytest.raises(ValueError, match=r"model\.skops does not exist; skops files in the folder: none"):
        SklearnPredictor(folder, settings_of(folder))
