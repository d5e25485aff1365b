"""A fitted transform: raw columns to a matrix of 32-bit floats, in NumPy. The same graph in ONNX is `onnx_graph`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field, JsonValue

from cmcore_tabular.errors import TabularError
from cmcore_tabular.sketches import Floats
from cmcore_tabular.statistics.accumulate import as_numbers
from cmcore_tabular.statistics.document import Frozen
from cmcore_tabular.transform.expressions import Call, Column, Constant, Expression, from_json
from cmcore_tabular.transform.operations import OPERATIONS

TRANSFORM_FILE = "transform.json"
Matrix = npt.NDArray[np.float32]
RawColumns = Mapping[str, pl.Series]


class RawType(StrEnum):
    """The type of a raw column at serving time, in MLflow's words."""

    DOUBLE = "double"
    LONG = "long"
    STRING = "string"


class RawColumn(Frozen):
    """One raw serving column. Only a `double` may be missing (NaN); a missing string is ""."""

    name: str
    type: RawType


class _Fitted(Frozen):
    name: str
    expression: JsonValue

    @property
    def value(self) -> Expression:
        return from_json(self.expression)


class FittedNumeric(_Fitted):
    """(value or fill - center) / scale, then the indicator."""

    kind: Literal["numeric"] = "numeric"
    fill: float | None
    center: float
    scale: float
    indicator: bool

    def output_names(self) -> list[str]:
        """The names of the columns it gives."""
        return [self.name, f"{self.name}=missing"] if self.indicator else [self.name]

    def columns(self, raw: RawColumns) -> Matrix:
        """Its columns for some raw rows."""
        value = numbers(self.value, raw)
        filled = value if self.fill is None else np.where(np.isnan(value), self.fill, value)
        result = [(filled - self.center) / self.scale]
        if self.indicator:
            result.append(np.isnan(value).astype(np.float64))
        stacked: Matrix = np.stack(result, axis=1).astype(np.float32)
        return stacked


class FittedOneHot(_Fitted):
    """1 in the column of its category; unknown in the last one where `other` is set, else nowhere."""

    kind: Literal["one_hot"] = "one_hot"
    categories: tuple[str, ...] | tuple[float, ...]
    other: bool

    def output_names(self) -> list[str]:
        """The names of the columns it gives."""
        names = [f"{self.name}={category}" for category in self.categories]
        return [*names, f"{self.name}=other"] if self.other else names

    def columns(self, raw: RawColumns) -> Matrix:
        """Its columns for some raw rows."""
        if any(isinstance(category, str) for category in self.categories):
            codes = text_codes(self.value, raw, [str(category) for category in self.categories])
            known = codes[:, None] == np.arange(len(self.categories))[None, :]
        else:
            known = numbers(self.value, raw)[:, None] == np.array(self.categories, dtype=np.float64)[None, :]
        if self.other:
            known = np.concatenate([known, ~known.any(axis=1, keepdims=True)], axis=1)
        columns: Matrix = known.astype(np.float32)
        return columns


class FittedOrdinal(_Fitted):
    """The position of its category; -1 for an unknown one."""

    kind: Literal["ordinal"] = "ordinal"
    categories: tuple[str, ...]

    def output_names(self) -> list[str]:
        """The name of the column it gives."""
        return [self.name]

    def columns(self, raw: RawColumns) -> Matrix:
        """Its column for some raw rows."""
        column: Matrix = text_codes(self.value, raw, self.categories)[:, None].astype(np.float32)
        return column


FittedFeature = Annotated[FittedNumeric | FittedOneHot | FittedOrdinal, Field(discriminator="kind")]


class FittedTransform(Frozen):
    """Everything needed to turn raw rows into features; nothing of it is code."""

    inputs: tuple[RawColumn, ...]
    features: tuple[FittedFeature, ...]
    label: str

    @classmethod
    def read(cls, folder: Path) -> FittedTransform:
        """The transform in a TransformGraph artifact's folder."""
        return cls.model_validate_json((folder / TRANSFORM_FILE).read_bytes())

    def output_names(self) -> list[str]:
        """The names of the matrix's columns."""
        return [name for feature in self.features for name in feature.output_names()]

    def matrix(self, raw: RawColumns) -> Matrix:
        """The features of some raw rows."""
        return np.concatenate([feature.columns(raw) for feature in self.features], axis=1)

    def raw_columns(self, frame: pl.DataFrame) -> dict[str, pl.Series]:
        """The raw columns of a frame in their serving types; raises TabularError naming what does not fit."""
        if absent := [column.name for column in self.inputs if column.name not in frame.columns]:
            raise TabularError(f"the rows lack {', '.join(absent)}; the model reads {', '.join(self.input_names())}")
        return {column.name: _served(frame[column.name], column) for column in self.inputs}

    def input_names(self) -> list[str]:
        """The names of the raw columns."""
        return [column.name for column in self.inputs]


def _served(values: pl.Series, column: RawColumn) -> pl.Series:
    if column.type is RawType.STRING:
        return values.cast(pl.String).fill_null("")
    if column.type is RawType.DOUBLE:
        return pl.Series(column.name, as_numbers(values))
    if missing := values.null_count():
        raise TabularError(
            f"{column.name}: {missing} of {len(values)} rows have no value, but none was missing in training; "
            f"give it max_missing_share above 0 in the schema and train again"
        )
    return values.cast(pl.Int64)


def numbers(expression: Expression, raw: RawColumns) -> Floats:
    """The value of a numeric expression for each raw row."""
    match expression:
        case Column(name=name):
            return raw[name].cast(pl.Float64).to_numpy()
        case Constant(value=value):
            return np.full(len(next(iter(raw.values()))), float(value))
        case Call(operation="eq", arguments=(Column(name=name), Constant(value=str(text)))):
            return (raw[name] == text).cast(pl.Float64).to_numpy()
        case Call(operation=operation, arguments=arguments):
            with np.errstate(all="ignore"):  # missing and infinite are values here, as they are in ONNX
                return OPERATIONS[operation].numpy(*(numbers(argument, raw) for argument in arguments))
    raise TabularError(f"{expression!r} is not a numeric expression")


def text_codes(
    expression: Expression, raw: RawColumns, categories: list[str] | tuple[str, ...]
) -> npt.NDArray[np.int64]:
    """The position of each row's text among the categories; -1 where it is none of them."""
    if not isinstance(expression, Column):
        raise TabularError("a category of text must be a column")
    positions = {category: position for position, category in enumerate(categories)}
    return raw[expression.name].replace_strict(positions, default=-1, return_dtype=pl.Int64).to_numpy()
