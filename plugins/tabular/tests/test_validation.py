from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from cmcore import Context
from cmcore.artifacts import Anomalies, Schema, Statistics
from cmcore_tabular.documents import write_json
from cmcore_tabular.errors import TabularError
from cmcore_tabular.schema.document import ColumnSchema, SchemaDocument
from cmcore_tabular.statistics.accumulate import RowsAccumulator
from cmcore_tabular.statistics.document import RowsStatistics, SplitStatistics, StatisticsDocument
from cmcore_tabular.validation.anomalies import AnomalyName, schema_findings
from cmcore_tabular.validation.comparisons import Thresholds, drift_comparisons, skew_comparisons
from cmcore_tabular.validation.validate import example_validator

SCHEMA = SchemaDocument(
    columns={
        "n": ColumnSchema(type="int", max_missing_share=0.0, min=0, max=10),
        "t": ColumnSchema(type="string", max_missing_share=0.5, domain=("a", "b")),
    }
)
GOOD = pl.DataFrame({"n": [1, 5, 9], "t": ["a", "b", None]})
THRESHOLDS = Thresholds(skew=0.1, drift=0.1, columns={}, ignore=())


def rows_of(frame: pl.DataFrame) -> RowsStatistics:
    rows = RowsAccumulator(frame.schema)
    rows.add(frame)
    return rows.statistics(5, 10)


def split_of(*frames: pl.DataFrame) -> SplitStatistics:
    spans = {span: rows_of(frame) for span, frame in enumerate(frames, start=1)}
    return SplitStatistics(total=rows_of(pl.concat(frames)), spans=spans)


@pytest.mark.parametrize(
    ("frame", "names"),
    [
        (GOOD, []),
        (GOOD.clear(), ["SPLIT_EMPTY"]),
        (GOOD.drop("t"), ["COLUMN_MISSING"]),
        (GOOD.with_columns(x=1), ["COLUMN_UNEXPECTED"]),
        (GOOD.with_columns(n=pl.lit("x")), ["TYPE_CHANGED"]),
        (GOOD.with_columns(n=pl.Series([1.5, 2.0, 3.0])), ["TYPE_CHANGED"]),
        (GOOD.with_columns(n=pl.Series([1, None, 2])), ["VALUES_MISSING"]),
        (GOOD.with_columns(t=pl.Series(["a", "c", "b"])), ["VALUES_OUTSIDE_DOMAIN"]),
        (GOOD.with_columns(n=pl.Series([1, 2, 11])), ["VALUES_OUTSIDE_RANGE"]),
        (GOOD.with_columns(n=pl.Series([None] * 3, dtype=pl.Int64)), ["VALUES_MISSING"]),
    ],
)
def test_each_departure_has_its_name(frame: pl.DataFrame, names: list[str]) -> None:
    assert [str(finding.name) for finding in schema_findings(SCHEMA, rows_of(frame), "split train")] == names


def test_whole_numbers_fit_where_fractions_are_expected() -> None:
    schema = SchemaDocument(columns={"n": ColumnSchema(type="float")})
    assert list(schema_findings(schema, rows_of(pl.DataFrame({"n": [1, 2]})), "split train")) == []


def test_a_finding_says_what_was_expected_and_found() -> None:
    finding = next(schema_findings(SCHEMA, rows_of(GOOD.with_columns(t=pl.Series(["a", "c", "c"]))), "split train"))
    assert (finding.expected, finding.found) == ("one of 2 values", "1 others: 'c' (2)")


def test_names_never_change() -> None:
    assert list(AnomalyName) == [
        "COLUMN_MISSING", "COLUMN_UNEXPECTED", "SPLIT_EMPTY", "TYPE_CHANGED", "VALUES_MISSING",
        "VALUES_OUTSIDE_DOMAIN", "VALUES_OUTSIDE_RANGE", "SKEW", "DRIFT",
    ]  # fmt: skip


def test_without_a_baseline_the_latest_span_is_compared_with_the_one_before() -> None:
    moved = GOOD.with_columns(n=pl.col("n") + 100)
    document = StatisticsDocument(splits={"train": split_of(GOOD, GOOD, moved)})
    found = {each.column: each for each in drift_comparisons(document, None, "train", THRESHOLDS)}
    assert (found["n"].distance > 0.9, found["t"].distance, found["n"].rows) == (
        True, 0.0, "split train, span 3 against span 2",
    )  # fmt: skip


def test_a_baseline_is_compared_as_a_whole() -> None:
    document = StatisticsDocument(splits={"train": split_of(GOOD)})
    found = list(drift_comparisons(document, document, "train", THRESHOLDS))
    assert [(each.rows, each.distance) for each in found] == [("split train against the baseline", 0.0)] * 2


def test_a_single_span_without_a_baseline_has_no_drift() -> None:
    document = StatisticsDocument(splits={"train": split_of(GOOD)})
    assert list(drift_comparisons(document, None, "train", THRESHOLDS)) == []


def test_skew_is_against_serving_where_that_is_given() -> None:
    document = StatisticsDocument(splits={"train": split_of(GOOD), "eval": split_of(GOOD)})
    serving = StatisticsDocument(splits={"all": split_of(GOOD.with_columns(t=pl.lit("b")))})
    found = [each for each in skew_comparisons(document, serving, "train", THRESHOLDS) if each.column == "t"]
    assert [(each.rows, each.distance, each.detail) for each in found] == [("serving all against train", 0.5, "a")]


def test_a_column_may_have_its_own_threshold_or_none() -> None:
    moved = split_of(GOOD.with_columns(n=pl.col("n") + 100))
    document = StatisticsDocument(splits={"train": split_of(GOOD), "eval": moved})
    allowed = Thresholds(skew=0.1, drift=0.1, columns={"n": 1.0}, ignore=("t",))
    found = list(skew_comparisons(document, None, "train", allowed))
    assert [(each.column, each.finding()) for each in found] == [("n", None)]


def validate(folder: Path, *, blocking: list[str], fail: bool = False) -> Anomalies:
    (folder / "out").mkdir()
    document = StatisticsDocument(splits={"train": split_of(GOOD.drop("t"))})
    write_json(folder / "statistics.json", document)
    SCHEMA.write(folder)
    anomalies = Anomalies.at(folder / "out")
    example_validator(
        statistics=Statistics.at(folder), schema=Schema.at(folder), baseline=None, serving=None, anomalies=anomalies,
        train_split="train", skew_threshold=0.1, drift_threshold=0.1, thresholds={}, ignore=[], blocking=blocking,
        fail=fail, context=Context(),
    )  # fmt: skip
    return anomalies


def test_blocking_names_are_errors(tmp_path: Path) -> None:
    anomalies = validate(tmp_path, blocking=["COLUMN_MISSING"])
    found = json.loads((anomalies.path / "anomalies.json").read_text())["anomalies"]
    assert (anomalies.count, anomalies.blocking, [each["severity"] for each in found]) == (1, True, ["error"])


def test_other_names_are_warnings(tmp_path: Path) -> None:
    assert validate(tmp_path, blocking=[]).blocking is False


def test_an_error_ends_the_run_where_asked_to(tmp_path: Path) -> None:
    with pytest.raises(TabularError, match="COLUMN_MISSING t"):
        validate(tmp_path, blocking=["COLUMN_MISSING"], fail=True)


def test_an_unknown_blocking_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TabularError, match="no anomaly is called OOPS"):
        validate(tmp_path, blocking=["OOPS"])
