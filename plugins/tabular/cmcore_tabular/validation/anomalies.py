"""The rules: which statistics depart from a schema, and how. Pure; names are stable, people build alerts on them."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from cmcore_tabular.csv_types import ColumnType
from cmcore_tabular.schema.document import ColumnSchema, SchemaDocument
from cmcore_tabular.statistics.document import ColumnStatistics, Frozen, RowsStatistics

SHOWN_VALUES = 5


class AnomalyName(StrEnum):
    """What can be wrong. New names may be added; these do not change."""

    COLUMN_MISSING = "COLUMN_MISSING"
    COLUMN_UNEXPECTED = "COLUMN_UNEXPECTED"
    SPLIT_EMPTY = "SPLIT_EMPTY"
    TYPE_CHANGED = "TYPE_CHANGED"
    VALUES_MISSING = "VALUES_MISSING"
    VALUES_OUTSIDE_DOMAIN = "VALUES_OUTSIDE_DOMAIN"
    VALUES_OUTSIDE_RANGE = "VALUES_OUTSIDE_RANGE"
    SKEW = "SKEW"
    DRIFT = "DRIFT"


class Severity(StrEnum):
    """An error blocks; a warning is shown."""

    ERROR = "error"
    WARNING = "warning"


class Finding(Frozen):
    """One departure, before anybody decided how bad it is; `column` is empty where it concerns all."""

    name: AnomalyName
    column: str
    rows: str
    expected: str
    found: str


class Anomaly(Finding):
    """A finding with its severity."""

    severity: Severity


def judge(finding: Finding, blocking: frozenset[str]) -> Anomaly:
    """A finding whose name is among the blocking ones is an error."""
    severity = Severity.ERROR if finding.name in blocking else Severity.WARNING
    return Anomaly(**finding.model_dump(), severity=severity)


def schema_findings(schema: SchemaDocument, rows: RowsStatistics, where: str) -> Iterator[Finding]:
    """Where one split departs from the schema."""
    if not rows.rows:
        yield Finding(name=AnomalyName.SPLIT_EMPTY, column="", rows=where, expected="rows", found="none")
        return
    for name in schema.columns:
        if name not in rows.columns:
            expected = f"a column of type {schema.columns[name].type}"
            yield Finding(name=AnomalyName.COLUMN_MISSING, column=name, rows=where, expected=expected, found="none")
    for name, column in rows.columns.items():
        if name in schema.columns:
            yield from _column_findings(name, schema.columns[name], column, where)
        else:
            found = f"a column of type {column.type}"
            yield Finding(
                name=AnomalyName.COLUMN_UNEXPECTED, column=name, rows=where, expected="no such column", found=found
            )


def _column_findings(name: str, schema: ColumnSchema, column: ColumnStatistics, where: str) -> Iterator[Finding]:
    def finding(kind: AnomalyName, expected: str, found: str) -> Finding:
        return Finding(name=kind, column=name, rows=where, expected=expected, found=found)

    if column.missing_share > schema.max_missing_share:
        expected = "a value in every row" if schema.required else f"at most {schema.max_missing_share:.2%} missing"
        found = f"{column.missing} missing ({column.missing_share:.2%})"
        yield finding(AnomalyName.VALUES_MISSING, expected, found)
    if column.count and not _fits(schema.type, column.type):
        yield finding(AnomalyName.TYPE_CHANGED, str(schema.type), str(column.type))
        return
    if column.text and schema.domain is not None:
        outside = [(value, count) for value, count in column.text.top if value not in schema.domain]
        if outside:
            shown = ", ".join(f"{value!r} ({count})" for value, count in outside[:SHOWN_VALUES])
            found = f"{len(outside)} others: {shown}"
            yield finding(AnomalyName.VALUES_OUTSIDE_DOMAIN, f"one of {len(schema.domain)} values", found)
    if column.numeric and not (
        (schema.min is None or column.numeric.min >= schema.min)
        and (schema.max is None or column.numeric.max <= schema.max)
    ):
        found = f"{column.numeric.min:g} to {column.numeric.max:g}"
        yield finding(AnomalyName.VALUES_OUTSIDE_RANGE, f"{schema.min} to {schema.max}", found)


def _fits(expected: ColumnType, found: ColumnType) -> bool:
    return expected is found or (expected is ColumnType.FLOAT and found is ColumnType.INT)
