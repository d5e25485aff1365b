from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cmcore import CodeRef
from cmcore_tabular.csv_types import ColumnType
from cmcore_tabular.dataset import load_split
from cmcore_tabular.errors import TabularError
from cmcore_tabular.schema.document import ColumnSchema, SchemaDocument
from cmcore_tabular.transform.declaration import FeatureDeclarations
from cmcore_tabular.transform.expressions import Column, Expression
from cmcore_tabular.transform.fit import fit_transform, plan_features, raw_inputs
from cmcore_tabular.transform.generate import derived_columns, labels
from cmcore_tabular.transform.graph import FittedTransform

SCHEMA = SchemaDocument(
    columns={
        "n": ColumnSchema(type=ColumnType.FLOAT), "whole": ColumnSchema(type=ColumnType.INT, max_missing_share=0),
        "t": ColumnSchema(type=ColumnType.STRING), "flag": ColumnSchema(type=ColumnType.BOOL),
        "y": ColumnSchema(type=ColumnType.INT, max_missing_share=0),
    }
)  # fmt: skip
TRAIN = pl.DataFrame(
    {
        "n": [1.0, 2.0, None, 6.0], "whole": [1, 2, 2, 3], "t": ["b", "a", None, "b"],
        "flag": [True, False, True, None], "y": [0, 1, 0, 1],
    }
)  # fmt: skip
OTHER = TRAIN.with_columns(t=pl.Series(["zzz", "b", "", None]), whole=pl.Series([9, 2, 3, 1]))


def fit(features: dict[str, object], rows: pl.DataFrame = TRAIN) -> FittedTransform:
    planned = plan_features(FeatureDeclarations.model_validate(features), {}, SCHEMA)
    return fit_transform(planned, raw_inputs(planned, SCHEMA, "y"), "y", [rows[:2], rows[2:]])


def matrix(features: dict[str, object], rows: pl.DataFrame = TRAIN, train: pl.DataFrame = TRAIN) -> list[list[float]]:
    fitted = fit(features, train)
    return fitted.matrix(fitted.raw_columns(rows)).T.tolist()


def test_missing_numbers_get_the_median_and_an_indicator() -> None:
    assert matrix({"n": {"kind": "numeric", "impute": "median", "indicator": True}}) == [[1, 2, 2, 6], [0, 0, 1, 0]]


def test_a_standard_number_has_mean_zero_and_spread_one() -> None:
    scaled = np.array(matrix({"whole": {"kind": "numeric", "scale": "standard"}})[0])
    assert (scaled.mean(), scaled.std(ddof=1)) == (pytest.approx(0), pytest.approx(1))


def test_a_constant_can_be_scaled() -> None:
    train = TRAIN.with_columns(whole=pl.lit(5))
    assert matrix({"whole": {"kind": "numeric", "scale": "min_max"}}, train, train) == [[0, 0, 0, 0]]


def test_an_unknown_category_is_nowhere() -> None:
    assert matrix({"t": {"kind": "one_hot"}}, OTHER) == [[0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]]


def test_an_unknown_category_may_have_its_own_column() -> None:
    assert matrix({"t": {"kind": "one_hot", "max_categories": 1, "unknown": "other"}}, OTHER) == [
        [0, 1, 0, 0],
        [1, 0, 1, 1],
    ]


def test_numbers_can_be_categories() -> None:
    found = matrix({"whole": {"kind": "one_hot", "unknown": "other"}}, OTHER)
    assert found == [[0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]


def test_ordinals_go_by_frequency_and_unknown_is_minus_one() -> None:
    assert matrix({"t": {"kind": "ordinal"}}, OTHER) == [[-1, 0, 1, 1]]


def test_rare_categories_are_unknown() -> None:
    assert matrix({"t": {"kind": "ordinal", "min_count": 2}}) == [[0, -1, -1, 0]]


def test_booleans_are_texts() -> None:
    assert fit({"flag": {"kind": "one_hot"}}).output_names() == ["flag=true", "flag=", "flag=false"]


def test_whole_numbers_that_never_miss_stay_whole_for_serving() -> None:
    fitted = fit({"s": {"of": "whole + n", "kind": "numeric"}, "t": {"kind": "ordinal"}})
    assert {each.name: str(each.type) for each in fitted.inputs} == {"n": "double", "t": "string", "whole": "long"}


def test_a_missing_value_where_none_may_be_is_refused() -> None:
    fitted = fit({"whole": {"kind": "numeric"}})
    with pytest.raises(TabularError, match="whole: 1 of 4 rows have no value"):
        fitted.raw_columns(TRAIN.with_columns(whole=pl.Series([1, None, 2, 3])))


def test_missing_raw_columns_are_named() -> None:
    with pytest.raises(TabularError, match="the rows lack n; the model reads n"):
        fit({"n": {"kind": "numeric"}}).raw_columns(TRAIN.drop("n"))


@pytest.mark.parametrize(
    ("feature", "problem"),
    [
        ({"t": {"kind": "numeric"}}, "t: is text; use kind one_hot or ordinal"),
        ({"n": {"kind": "ordinal"}}, "n: is a number"),
        ({"x": {"kind": "numeric"}}, "x: no column x in the schema"),
        ({"x": {"kind": "numeric", "of": "n +"}}, "x: cannot read the expression"),
        ({"x": {"kind": "numeric", "of": "t + 1"}}, "x: add takes numbers"),
        ({}, "no feature is declared"),
        ({"s": {"kind": "numeric", "of": "y + n"}}, "the label 'y' is read by a feature"),
    ],
)
def test_a_feature_that_cannot_be_made_says_why(feature: dict[str, object], problem: str) -> None:
    with pytest.raises(TabularError, match=problem.replace("+", r"\+")):
        fit(feature)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(TabularError, match=r"(?s)a: no column.*b: no column"):
        fit({"b": {"kind": "numeric"}, "a": {"kind": "numeric"}})


def test_a_column_without_values_cannot_be_fitted() -> None:
    with pytest.raises(TabularError, match="'n' has no value in training"):
        fit({"n": {"kind": "numeric", "impute": "mean"}}, TRAIN.with_columns(n=pl.lit(None, dtype=pl.Float64)))


def test_a_column_without_values_can_be_passed_on() -> None:
    train = TRAIN.with_columns(n=pl.lit(None, dtype=pl.Float64))
    assert np.isnan(matrix({"n": {"kind": "numeric"}}, train, train)).all()


def test_a_fitted_transform_survives_its_file() -> None:
    fitted = fit({"t": {"kind": "one_hot"}, "whole": {"kind": "one_hot"}, "n": {"kind": "numeric"}})
    assert FittedTransform.model_validate_json(fitted.model_dump_json()) == fitted


def spread(column: type[Column]) -> dict[str, Expression]:
    return {"spread": column("n") - column("whole")}


def nothing(column: type[Column]) -> None:
    return None


def test_a_function_derives_columns() -> None:
    assert list(derived_columns(CodeRef.of(spread))) == ["spread"]


def test_a_function_that_returns_something_else_is_named() -> None:
    with pytest.raises(TabularError, match="nothing must return a dict of expressions"):
        derived_columns(CodeRef.of(nothing))


@pytest.mark.parametrize("values", [[0, 2], [0.5, 1.0], [0, None]])
def test_labels_other_than_0_and_1_are_refused(values: list[object]) -> None:
    with pytest.raises(TabularError, match="must be 0 or 1 in every row; found"):
        labels(pl.Series("y", values))


def test_all_splits_are_transformed_with_their_label(chain: object) -> None:
    examples, transformed = chain.examples, chain.transformed  # type: ignore[attr-defined] # the session's chain
    found = load_split(transformed, "eval")
    assert found["label"].to_list() == load_split(examples, "eval")["label"].to_list()
    assert not Path(transformed.path / "import.json").exists()
