"""Searching versions: what filters and orders may ask for, as SQL over the registry's tables. It finds ids only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from cmcore.errors import UsageError
from cmcore.filters.moment import seconds_of
from cmcore.filters.parse import parse
from cmcore.filters.select import ByCodePoint, Condition, condition, no_such_field, one_row
from cmcore.filters.syntax import Comparator, Comparison, Field, Filter
from cmcore.registry.names import VersionNumber
from cmcore.registry.tables import ALIASES, DATA, METRICS, PROPERTIES, VERSIONS

TEXTS: Mapping[str, sa.Column[str]] = {
    name: VERSIONS.c[name] for name in ("model", "level", "run", "digest", "uri", "actor", "blessed")
}
KNOWN = (*TEXTS, "version", "created", "alias", "data", "metrics.", "properties.")
ORDERED = (*TEXTS, "version", "created", "metrics.", "properties.")
NUMBER = (VERSIONS.c.major, VERSIONS.c.minor, VERSIONS.c.pipeline)
DIRECTIONS = {"asc": False, "desc": True}


def found(model: str, where: Filter | None, order_by: str, now: float) -> sa.Select[int]:
    """The ids of the versions of one model, or of all, for which a filter holds, in an order; else the newest first."""
    query = sa.select(VERSIONS.c.id)
    if model:
        query = query.where(VERSIONS.c.model == model)
    if where is not None:
        query = query.where(condition(where, lambda comparison: asked(comparison, now)))
    return ordered(query, order_by)


def ids_in(connection: sa.Connection, query: sa.Select[int]) -> list[int]:
    """The ids that a query finds, in its order."""
    return list(connection.execute(query).scalars())


def asked(comparison: Comparison, now: float) -> Condition:
    """One comparison in SQL; raises UsageError for a field that versions do not have."""
    match comparison.field:
        case Field(group="metrics", name=name):
            return having(METRICS, METRICS.c.name == name, one_row(comparison, number=METRICS.c.number))
        case Field(group="properties", name=name):
            test = one_row(comparison, text=PROPERTIES.c.text, number=PROPERTIES.c.number)
            return having(PROPERTIES, PROPERTIES.c.name == name, test)
        case Field(group="", name="alias"):
            return having(ALIASES, ALIASES.c.version_id.is_not(None), one_row(comparison, text=ALIASES.c.name))
        case Field(group="", name="data"):
            return having(DATA, one_row(comparison, text=DATA.c.text))
        case Field(group="", name="version"):
            return numbered(comparison)
        case Field(group="", name="created"):
            return one_row(timed(comparison, now), number=VERSIONS.c.created_at)
        case Field(group="", name=name) if name in TEXTS:
            return one_row(comparison, text=TEXTS[name])
    raise no_such_field(comparison.field, KNOWN)


def having(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> Condition:
    """Whether a version has such a row; asked from the table's side, whose index finds the few that fit."""
    return VERSIONS.c.id.in_(sa.select(table.c.version_id).where(*conditions))


def numbered(comparison: Comparison) -> Condition:
    """Versions are ordered as numbers; patterns see their text."""
    if comparison.comparator in {Comparator.LIKE, Comparator.IN, Comparator.EXISTS}:
        return one_row(comparison, text=VERSIONS.c.version)
    number = VersionNumber.parse(str(comparison.values[0]))
    own, other = sa.tuple_(*NUMBER), sa.tuple_(number.major, number.minor, number.pipeline)
    return own.bool_op(comparison.comparator.value)(other)


def timed(comparison: Comparison, now: float) -> Comparison:
    """The comparison with points in time as seconds."""
    values = tuple(seconds_of(value, now) if isinstance(value, str) else value for value in comparison.values)
    return replace(comparison, values=values)


def ordered(query: sa.Select[int], order_by: str) -> sa.Select[int]:
    """The query in the order that a text such as `metrics.auc desc` asks for; versions without a value come last."""
    newest_first = VERSIONS.c.id.desc()
    if not order_by:
        return query.order_by(newest_first)
    words = order_by.rsplit(maxsplit=1)
    descends = DIRECTIONS.get(words[-1].lower()) if len(words) > 1 else None
    field = field_of(order_by if descends is None else words[0])
    match field:
        case Field(group="", name="version"):
            columns: Sequence[sa.ColumnElement[int] | sa.ColumnElement[float] | sa.ColumnElement[str]] = NUMBER
        case Field(group="", name="created"):
            columns = (VERSIONS.c.created_at,)
        case Field(group="", name=name) if name in TEXTS:
            columns = (ByCodePoint(TEXTS[name]),)
        case Field(group="metrics", name=name):
            own = sa.and_(METRICS.c.version_id == VERSIONS.c.id, METRICS.c.name == name)
            query, columns = query.outerjoin(METRICS, own), (METRICS.c.number,)
        case Field(group="properties", name=name):
            own = sa.and_(PROPERTIES.c.version_id == VERSIONS.c.id, PROPERTIES.c.name == name)
            query, columns = query.outerjoin(PROPERTIES, own), (PROPERTIES.c.number, ByCodePoint(PROPERTIES.c.text))
        case _:
            raise no_such_field(field, ORDERED)
    last = [column.is_(None) for column in columns[:1]]
    return query.order_by(*last, *(it.desc() if descends else it.asc() for it in columns), newest_first)


def field_of(text: str) -> Field:
    """A field as filters write it; raises UsageError."""
    match parse(f"{text} exists"):
        case Comparison(field=field):
            return field
    raise UsageError(f"{text!r} is no order; write a field, and desc for the greatest first: metrics.auc desc")
