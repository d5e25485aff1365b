"""What a filter and an order mean in the tables: conditions and columns, nothing is asked here.

Fields of a run itself, and the groups `metrics`, `params` and `tags`. `metrics.auc` is that of any node,
`metrics."evaluator.auc"` that of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from cmcore.errors import UsageError
from cmcore.filters.moment import seconds_of
from cmcore.filters.select import Condition, condition, no_such_field, one_row
from cmcore.filters.syntax import And, Comparator, Comparison, Field, Filter, Scalar
from cmcore.tracking.tables import METRICS, PARAMS, RUNS, TAGS

TEXTS = {
    "run": RUNS.c.run,
    "state": RUNS.c.state,
    "pipeline": RUNS.c.pipeline,
    "project": RUNS.c.project,
    "actor": RUNS.c.actor,
    "source": RUNS.c.source,
    "commit": RUNS.c.code_commit,
}
TIMES = {"started": RUNS.c.created_at, "finished": RUNS.c.finished_at}
NUMBERS = {"duration": RUNS.c.finished_at - RUNS.c.created_at}
GROUPS = {"metrics": METRICS, "params": PARAMS, "tags": TAGS}
UNORDERED = ("nan", "inf", "-inf")  # numbers that a filter can only write as texts
KNOWN = (*TEXTS, *TIMES, *NUMBERS, *(f"{group}.NAME" for group in GROUPS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """By which field, and whether the greatest comes first; runs without a value come last."""

    field: Field
    descending: bool = True


def where(asked: Filter, now: float) -> Condition:
    """The condition on rows of runs; raises UsageError for a field that there is not."""
    return condition(asked, partial(test_of, now=now))


def of_pipeline(pipeline: str, asked: Filter | None) -> Filter | None:
    """The filter for runs of one pipeline only, if one is named."""
    if not pipeline:
        return asked
    field = Field(group="", name="pipeline")
    mine = Comparison(field=field, comparator=Comparator.EQUAL, values=(pipeline,))
    return And(operands=(mine, asked)) if asked else mine


def test_of(comparison: Comparison, *, now: float) -> Condition:
    """The condition of one comparison."""
    field = comparison.field
    if field.group == "metrics" or (not field.group and field.name in NUMBERS):
        check_numbers(comparison)
    if field.group in GROUPS:
        table = GROUPS[field.group]
        test = one_row(comparison, text=table.c.text, number=table.c.number)
        return sa.exists().where(table.c.run_number == RUNS.c.number, named(table, field.name), test)
    if not field.group and field.name in TEXTS:
        return one_row(comparison, text=TEXTS[field.name])
    if not field.group and field.name in TIMES:
        return one_row(in_seconds(comparison, now), number=TIMES[field.name])
    if not field.group and field.name in NUMBERS:
        return one_row(comparison, number=NUMBERS[field.name])
    raise unknown(field)


def has_number(metric: str) -> Condition:
    """Whether a run has a number, not only NaN, as that metric."""
    mine = METRICS.c.run_number == RUNS.c.number
    return sa.exists().where(mine, named(METRICS, metric), METRICS.c.number.is_not(None))


def named(table: sa.Table, name: str) -> Condition:
    """Rows of that name, or, where it has a dot, of that node and name; both may have dots of their own."""
    same = table.c.name == name
    dots = [at for at, letter in enumerate(name) if letter == "."]
    of_nodes = [sa.and_(table.c.node == name[:at], table.c.name == name[at + 1 :]) for at in dots]
    return sa.or_(same, *of_nodes) if of_nodes else same


def in_seconds(comparison: Comparison, now: float) -> Comparison:
    """The comparison with ISO dates as seconds since 1970; raises UsageError for texts that are none."""
    if comparison.comparator is Comparator.LIKE:
        raise UsageError(f"{comparison.field} is a time, and a time is not compared with like; write > or <")
    values = tuple(seconds(comparison.field, value, now) for value in comparison.values)
    return Comparison(field=comparison.field, comparator=comparison.comparator, values=values)


def seconds(field: Field, value: Scalar, now: float) -> Scalar:
    """Seconds since 1970; a date or time without an offset is one of this machine's clock."""
    if not isinstance(value, str):
        return value
    try:
        return seconds_of(value, now, zone=None)
    except UsageError as error:
        raise UsageError(
            f'{field} is compared with a time, and {value!r} is none; write {field} > "2026-07-29", '
            f'"2026-07-29 10:15", "2026-07-29T10:15:00Z" or "2 days ago"'
        ) from error


def check_numbers(comparison: Comparison) -> None:
    """Raise UsageError where what is a number is compared with what is none: as texts, 10 would be less than 9."""
    ordered = comparison.comparator not in {Comparator.EQUAL, Comparator.UNEQUAL, Comparator.IN, Comparator.LIKE}
    for value in comparison.values:
        is_text = isinstance(value, str | bool) and (ordered or value not in UNORDERED)
        if is_text and comparison.comparator is not Comparator.LIKE:
            sign = comparison.comparator if ordered else ">"
            raise UsageError(
                f"{comparison.field} is compared with a number, and {value!r} is none; "
                f"write {comparison.field} {sign} 0.5"
            )


def by(order: Order) -> list[sa.ColumnElement[object]]:
    """What to sort by: a number before a text, the newest run where nothing else decides."""
    return [
        *((key.desc() if order.descending else key.asc()).nulls_last() for key in keys(order)),
        RUNS.c.number.desc(),
    ]  # fmt: skip


def keys(order: Order) -> list[sa.ColumnElement[object]]:
    """The values to sort by; of several values of a run, the one that comes first."""
    field = order.field
    if not field.group and (column := {**TEXTS, **TIMES, **NUMBERS}.get(field.name)) is not None:
        return [column]
    if field.group not in GROUPS:
        raise unknown(field)
    table = GROUPS[field.group]
    first = sa.func.max if order.descending else sa.func.min
    columns = [table.c.number] if table is METRICS else [table.c.number, table.c.text]
    return [
        sa.select(first(column))
        .where(table.c.run_number == RUNS.c.number, named(table, field.name))
        .correlate(RUNS)
        .scalar_subquery()
        for column in columns
    ]


def unknown(field: Field) -> UsageError:
    """The error for a field that there is not, which says where the name would be looked for."""
    if field.group or field.name in GROUPS:
        return no_such_field(field, KNOWN)
    error = no_such_field(field, KNOWN)
    return (
        error
        if "did you mean" in str(error)
        else UsageError(
            f"a run has no field {field.name!r}; did you mean metrics.{field.name}, params.{field.name} or "
            f"tags.{field.name}? There are also {', '.join(KNOWN[: -len(GROUPS)])}"
        )
    )
