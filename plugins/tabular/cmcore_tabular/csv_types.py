"""What type the text in a CSV column has, and the cast to it. Reads no files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import polars as pl

from cmcore_tabular.errors import TabularError


class ColumnType(StrEnum):
    """The types that a column of examples may have, narrowest first."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    DATETIME = "datetime"
    STRING = "string"


# "007" is a code, not a number: a leading zero keeps a column text.
PATTERNS: Mapping[ColumnType, str] = {
    ColumnType.BOOL: r"^(?:true|false|True|False|TRUE|FALSE)$",
    ColumnType.INT: r"^-?(?:0|[1-9][0-9]{0,17})$",
    ColumnType.FLOAT: r"^[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$",
    ColumnType.DATETIME: r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z?)?$",
}
POLARS_TYPES: Mapping[ColumnType, pl.DataType] = {
    ColumnType.BOOL: pl.Boolean(),
    ColumnType.INT: pl.Int64(),
    ColumnType.FLOAT: pl.Float64(),
    ColumnType.DATETIME: pl.Datetime("us"),
    ColumnType.STRING: pl.String(),
}


class TypeInference:
    """Narrows the types of text columns batch by batch; every row counts, not only the first ones."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._candidates: dict[str, list[ColumnType]] = {name: list(PATTERNS) for name in columns}
        self._seen: set[str] = set()

    def add(self, batch: pl.DataFrame) -> None:
        """Take a batch of text columns into account."""
        checks = [
            pl.col(name).str.contains(PATTERNS[kind]).all(ignore_nulls=True).alias(f"{name}\x1f{kind}")
            for name, kinds in self._candidates.items()
            for kind in kinds
        ]
        counts = batch.select(pl.all().count()).row(0, named=True)
        answers = batch.select(checks).row(0, named=True) if checks else {}
        for name, kinds in self._candidates.items():
            self._candidates[name] = [kind for kind in kinds if answers[f"{name}\x1f{kind}"]]
            if counts[name]:
                self._seen.add(name)

    def types(self) -> dict[str, ColumnType]:
        """The narrowest type of each column; a column without any value is text."""
        return {
            name: kinds[0] if kinds and name in self._seen else ColumnType.STRING
            for name, kinds in self._candidates.items()
        }


def declared_types(declared: Mapping[str, str], columns: Iterable[str]) -> dict[str, ColumnType]:
    """The types that a parameter fixes; raises TabularError naming unknown columns and types."""
    known = list(columns)
    if unknown := sorted(set(declared) - set(known)):
        raise TabularError(f"types: no column {', '.join(map(repr, unknown))}; columns: {', '.join(known)}")
    try:
        return {name: ColumnType(kind) for name, kind in declared.items()}
    except ValueError as error:
        raise TabularError(f"types: {error}; use one of {', '.join(ColumnType)}") from error


def typed(batch: pl.DataFrame, types: Mapping[str, ColumnType]) -> pl.DataFrame:
    """The batch with its text cast; raises TabularError with the first text that does not fit its type."""
    result = batch.select(_cast(name, types[name]) for name in batch.columns)
    lost = [name for name in batch.columns if result[name].null_count() != batch[name].null_count()]
    if lost:
        name = lost[0]
        example = batch[name].filter(result[name].is_null() & batch[name].is_not_null())[0]
        raise TabularError(f"column {name!r} is declared {types[name]}, but holds {example!r}; change `types`")
    return result


def _cast(name: str, kind: ColumnType) -> pl.Expr:
    column = pl.col(name)
    match kind:
        case ColumnType.STRING:
            return column
        case ColumnType.BOOL:
            return (
                column.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None).cast(pl.Boolean)
            )
        case ColumnType.DATETIME:
            text = column.str.strip_suffix("Z").str.replace(" ", "T", literal=True)
            day = text.str.to_datetime("%Y-%m-%d", strict=False, time_unit="us")
            return pl.coalesce(text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us"), day)
        case _:
            return column.cast(POLARS_TYPES[kind], strict=False)
