from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from sklearn.base import ClassifierMixin
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier
from skops.io import dumps

from cmcore_tabular.dataset import load_split
from cmcore_tabular.errors import TabularError
from cmcore_tabular.model.loaded import LoadedModel, agreement, require_agreement
from cmcore_tabular.model.native import canonical_skops, read_native, refuse_foreign_types
from cmcore_tabular.model.onnx_model import OnnxScorer, onnx_model
from cmcore_tabular.schema.document import ColumnSchema, SchemaDocument
from cmcore_tabular.training.estimators import with_exact_thresholds
from cmcore_tabular.transform.declaration import FeatureDeclarations
from cmcore_tabular.transform.fit import fit_transform, plan_features, raw_inputs


@pytest.fixture
def folder(chain: object) -> Path:
    return chain.model.path  # type: ignore[attr-defined, no-any-return] # the session's chain


@pytest.fixture
def raw(chain: object) -> pl.DataFrame:
    return load_split(chain.examples, "eval")  # type: ignore[attr-defined] # the session's chain


def test_onnx_and_skops_agree_on_every_raw_row(folder: Path, raw: pl.DataFrame) -> None:
    found = agreement(LoadedModel.read(folder), raw, 1e-6)
    assert (found.rows, found.rows_beyond) == (raw.height, 0)


def test_they_agree_on_rows_that_nobody_has_seen(folder: Path, raw: pl.DataFrame) -> None:
    odd = raw.with_columns(
        city=pl.lit("Atlantis"), shop=pl.lit(None, dtype=pl.String), amount=pl.lit(1e9), age=pl.lit(-1)
    )
    assert agreement(LoadedModel.read(folder), odd, 1e-6).rows_beyond == 0


def test_no_rows_agree(folder: Path, raw: pl.DataFrame) -> None:
    assert agreement(LoadedModel.read(folder), raw.clear(), 1e-6).rows == 0


def test_a_disagreement_is_told_with_its_numbers(folder: Path, raw: pl.DataFrame) -> None:
    found = agreement(LoadedModel.read(folder), raw, 1e-30)
    with pytest.raises(TabularError, match=rf"disagree on {found.rows_beyond} of {raw.height} rows by more than 1e-30"):
        require_agreement(found)


def test_the_signature_names_the_raw_columns(folder: Path) -> None:
    signature = yaml.safe_load((folder / "MLmodel").read_text())["signature"]
    assert {each["name"]: each["type"] for each in json.loads(signature["inputs"])} == {
        "age": "long", "amount": "double", "at": "long", "city": "string", "member": "string", "shop": "string",
    } | {"at": "double"}  # fmt: skip


def test_the_sample_answer_is_the_answer_to_the_sample_request(folder: Path) -> None:
    table = json.loads((folder / "serving_input_example.json").read_text())["dataframe_split"]
    frame = pl.DataFrame(table["data"], schema=table["columns"], orient="row")
    answers = json.loads((folder / "sample_answer.json").read_text())["predictions"]
    assert LoadedModel.read(folder).probabilities(frame).tolist() == [each["probability"] for each in answers]


def test_nothing_in_the_description_tells_the_time(folder: Path) -> None:
    assert {"utc_time_created", "run_id", "mlflow_version"} & set(
        yaml.safe_load((folder / "MLmodel").read_text())
    ) == set()


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TabularError, match=r"the model lacks model.onnx, model.skops"):
        LoadedModel.read(tmp_path)


def test_types_of_other_packages_are_refused() -> None:
    with pytest.raises(TabularError, match=r"the model holds os.system; only types of sklearn"):
        refuse_foreign_types(["sklearn.tree.DecisionTreeClassifier", "os.system"])


def test_a_native_file_that_asks_for_other_code_is_not_loaded(folder: Path, tmp_path: Path) -> None:
    source = (folder / "model.skops").read_bytes()
    with zipfile.ZipFile(io.BytesIO(source)) as archive, zipfile.ZipFile(tmp_path / "evil.skops", "w") as evil:
        for name in archive.namelist():
            evil.writestr(name, archive.read(name).replace(b'"cmcore_tabular.model.native"', b'"subprocess"'))
    with pytest.raises(TabularError, match=r"the model holds subprocess\.RawFeatures"):
        read_native(tmp_path / "evil.skops")


def test_a_canonical_archive_loads_and_has_stable_bytes() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 3))
    model = LogisticRegression().fit(rows, rows[:, 0] > 0)
    assert canonical_skops(dumps(model)) == canonical_skops(dumps(model))


ESTIMATORS = [
    HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=5),
    GradientBoostingClassifier(n_estimators=10, random_state=0),
    RandomForestClassifier(n_estimators=10, random_state=0),
    ExtraTreesClassifier(n_estimators=10, random_state=0),
    DecisionTreeClassifier(random_state=0),
    LogisticRegression(),
    GaussianNB(),
    MLPClassifier(max_iter=300, hidden_layer_sizes=(4,), random_state=0, tol=0.1),
]


def neighbouring_rows() -> pl.DataFrame:
    """Neighbouring 32-bit floats with different labels: thresholds lie between two that nothing lies between."""
    random = np.random.default_rng(0)
    neighbours = np.cumsum(np.full(40, np.spacing(np.float32(1))), dtype=np.float64) + 1
    values = random.choice(neighbours, 600)
    label = (np.searchsorted(neighbours, values) % 3 == 0).astype(int)
    return pl.DataFrame({"x": values, "z": random.normal(size=600), "y": label})


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda each: type(each).__name__)
def test_kinds_of_estimators_agree_even_between_neighbouring_numbers(estimator: ClassifierMixin) -> None:
    frame = neighbouring_rows()
    schema = SchemaDocument(columns={name: ColumnSchema(type="float") for name in "xzy"})
    declared = FeatureDeclarations.model_validate({"x": {"kind": "numeric"}, "z": {"kind": "numeric"}})
    planned = plan_features(declared, {}, schema)
    transform = fit_transform(planned, raw_inputs(planned, schema, "y"), "y", [frame])
    features = transform.matrix(transform.raw_columns(frame)).astype(np.float64)
    fitted = with_exact_thresholds(estimator.fit(features, frame["y"].to_numpy()))
    scorer = OnnxScorer(onnx_model(transform, fitted).SerializeToString())
    difference = np.abs(scorer.probabilities(transform, frame) - fitted.predict_proba(features)[:, 1])
    assert difference.max() < 1e-6


def test_exact_thresholds_change_no_answer() -> None:
    frame = neighbouring_rows()
    features = frame.select("x").to_numpy()
    fitted = HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=5).fit(features, frame["y"].to_numpy())
    before = fitted.predict_proba(features).tolist()
    assert with_exact_thresholds(fitted).predict_proba(features).tolist() == before
