from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cmcore.artifacts import Schema, Statistics
from cmcore_tabular.errors import TabularError
from cmcore_tabular.schema.document import ColumnSchema, SchemaDocument
from cmcore_tabular.schema.generate import infer_column, schema_gen
from cmcore_tabular.statistics.accumulate import RowsAccumulator


def infer(values: list[object], max_domain: int = 3) -> ColumnSchema:
    frame = pl.DataFrame({"a": values})
    rows = RowsAccumulator(frame.schema)
    rows.add(frame)
    column = rows.statistics(5, 10).columns["a"]
    return infer_column(column, max_domain=max_domain, missing_slack=0.1, range_slack=0.5)


def test_a_range_is_wider_than_what_was_seen() -> None:
    assert (infer([0, 10]).min, infer([0, 10]).max) == (-5.0, 15.0)


def test_a_column_that_never_misses_is_required() -> None:
    assert infer([1, 2]).required


def test_a_column_that_misses_may_miss_a_little_more() -> None:
    assert infer([1, None]).max_missing_share == 0.6


def test_few_texts_are_a_domain() -> None:
    assert infer(["b", "a", "b"]).domain == ("a", "b")


def test_many_texts_are_no_domain() -> None:
    assert infer(["a", "b", "c", "d"]).domain is None


def test_a_column_without_values_demands_nothing_but_its_type() -> None:
    assert infer([None, None]) == ColumnSchema(type="string")


def test_a_written_schema_reads_back_with_its_order(tmp_path: Path) -> None:
    document = SchemaDocument(columns={"z": infer([1, 2]), "a": infer(["x"])})
    document.write(tmp_path)
    found = SchemaDocument.read(tmp_path)
    assert (found, list(found.columns)) == (document, ["z", "a"])


def test_an_unknown_split_is_named(chain: object, tmp_path: Path) -> None:
    statistics = Statistics.at(chain.statistics.path)  # type: ignore[attr-defined] # the session's chain
    with pytest.raises(TabularError, match="no split 'test' in these statistics; splits: eval, train"):
        schema_gen(
            statistics=statistics,
            schema=Schema.at(tmp_path),
            split="test",
            max_domain=1,
            missing_slack=0,
            range_slack=0,
        )
