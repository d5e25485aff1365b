"""SchemaGen: the schema that one split's statistics speak for."""

from __future__ import annotations

from cmcore.artifacts import Schema, Statistics
from cmcore_tabular.errors import TabularError
from cmcore_tabular.schema.document import ColumnSchema, SchemaDocument
from cmcore_tabular.statistics.document import ColumnStatistics, StatisticsDocument


def schema_gen(
    *,
    statistics: Statistics,
    schema: Schema,
    split: str,
    max_domain: int,
    missing_slack: float,
    range_slack: float,
) -> None:
    """Infer types, presence, domains and ranges from one split."""
    document = StatisticsDocument.read(statistics.path)
    if split not in document.splits:
        raise TabularError(f"no split {split!r} in these statistics; splits: {', '.join(document.splits)}")
    columns = {
        name: infer_column(column, max_domain=max_domain, missing_slack=missing_slack, range_slack=range_slack)
        for name, column in document.splits[split].total.columns.items()
    }
    SchemaDocument(columns=columns).write(schema.path)


def infer_column(
    column: ColumnStatistics, *, max_domain: int, missing_slack: float, range_slack: float
) -> ColumnSchema:
    """The demands that one column's statistics justify.

    A column that never misses stays required. One that does may miss `missing_slack` more; ranges widen by
    `range_slack` of their width. A domain is kept where all of at most `max_domain` values were seen and counted.
    """
    missing = 0.0 if column.missing == 0 else min(1.0, round(column.missing_share + missing_slack, 6))
    if column.text:
        complete = len(column.text.top) == column.text.distinct <= max_domain and not column.text.count_error
        domain = tuple(sorted(value for value, _ in column.text.top)) if complete else None
        return ColumnSchema(type=column.type, max_missing_share=missing, domain=domain)
    if column.numeric:
        slack = (column.numeric.max - column.numeric.min) * range_slack
        low, high = column.numeric.min - slack, column.numeric.max + slack
        return ColumnSchema(type=column.type, max_missing_share=missing, min=low, max=high)
    return ColumnSchema(type=column.type)
