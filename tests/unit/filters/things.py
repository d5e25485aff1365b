"""Things to search: each has a state, a start, and named values in a table of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from cmcore.filters.match import plain
from cmcore.filters.select import Condition, condition, one_row
from cmcore.filters.syntax import Comparison, Field, Filter, Scalar

NAMES = ("auc", "val auc", "Auc")
METADATA = sa.MetaData()
THINGS = sa.Table(
    "things",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("state", sa.Text),
    sa.Column("started", sa.Double),
)
VALUES = sa.Table(
    "named_values",
    METADATA,
    sa.Column("thing", sa.Integer),
    sa.Column("name", sa.Text),
    sa.Column("text", sa.Text),
    sa.Column("number", sa.Double),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One thing; `values` may have a name several times."""

    state: str | None
    started: float | None
    values: Sequence[tuple[str, Scalar]]

    def lookup(self, field: Field) -> list[Scalar]:
        """The values of a field, as `matches` wants them: a number also has its text."""
        match field.group, field.name:
            case "", "state":
                return [] if self.state is None else [self.state]
            case "", "started":
                return [] if self.started is None else [self.started]
        kept = [kept_as(value) for name, value in self.values if name == field.name]
        return [value for row in kept for value in row if value is not None]


def kept_as(value: Scalar) -> tuple[str, float | None]:
    """The text and the number of a row."""
    spelling = plain(value)
    return str(spelling), spelling if isinstance(spelling, float) and not math.isnan(spelling) else None


def make_tables(connection: sa.Connection, things: Sequence[Thing]) -> None:
    METADATA.create_all(connection)
    for number, thing in enumerate(things):
        connection.execute(sa.insert(THINGS).values(number=number, state=thing.state, started=thing.started))
        for name, value in thing.values:
            text, kept = kept_as(value)
            connection.execute(sa.insert(VALUES).values(thing=number, name=name, text=text, number=kept))


def found_in(connection: sa.Connection, asked: Filter) -> set[int]:
    query = sa.select(THINGS.c.number).where(condition(asked, column_of))
    return set(connection.execute(query).scalars())


def column_of(comparison: Comparison) -> Condition:
    match comparison.field:
        case Field(group="", name="state"):
            return one_row(comparison, text=THINGS.c.state)
        case Field(group="", name="started"):
            return one_row(comparison, number=THINGS.c.started)
    test = one_row(comparison, text=VALUES.c.text, number=VALUES.c.number)
    return sa.exists().where(VALUES.c.thing == THINGS.c.number, VALUES.c.name == comparison.field.name, test)
