from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from cmcore_tabular.csv_types import ColumnType, TypeInference, declared_types, typed
from cmcore_tabular.errors import TabularError


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", None], "int"), (["1", "2.5"], "float"), ([".5", "1e-3", "3."], "float"),
        (["true", "False"], "bool"), (["2024-01-01", "2024-01-01T10:00:00Z"], "datetime"),
        (["1", "x"], "string"), (["007", "12"], "string"), ([None, None], "string"),
        (["99999999999999999999"], "float"),
    ],
)  # fmt: skip
def test_the_narrowest_type_that_fits_every_value(values: list[str | None], kind: str) -> None:
    inference = TypeInference(["a"])
    inference.add(pl.DataFrame({"a": values}, schema={"a": pl.String}))
    assert inference.types() == {"a": ColumnType(kind)}


def test_a_late_batch_widens_the_type() -> None:
    inference = TypeInference(["a"])
    inference.add(pl.DataFrame({"a": ["1"] * 1000}))
    inference.add(pl.DataFrame({"a": ["1.5"]}))
    assert inference.types() == {"a": ColumnType.FLOAT}


def test_text_becomes_values() -> None:
    frame = pl.DataFrame({"b": ["true", None], "t": ["2024-01-01 10:00:00", "2024-01-02"], "n": ["1", "2"]})
    types = {"b": ColumnType.BOOL, "t": ColumnType.DATETIME, "n": ColumnType.INT}
    assert typed(frame, types).rows() == [
        (True, datetime(2024, 1, 1, 10), 1), (None, datetime(2024, 1, 2), 2),
    ]  # fmt: skip


def test_a_declared_type_that_does_not_fit_is_refused_with_the_text() -> None:
    with pytest.raises(TabularError, match="'a' is declared int, but holds 'x'"):
        typed(pl.DataFrame({"a": ["1", "x"]}), {"a": ColumnType.INT})


@pytest.mark.parametrize("declared", [{"z": "int"}, {"a": "number"}])
def test_unknown_columns_and_types_are_refused(declared: dict[str, str]) -> None:
    with pytest.raises(TabularError, match="types: "):
        declared_types(declared, ["a"])
