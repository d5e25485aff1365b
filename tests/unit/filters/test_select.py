"""Filters as SQL, on a real SQLite, against what they mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import UsageError
from cmcore.filters.match import matches
from cmcore.filters.parse import parse
from cmcore.filters.select import no_such_field
from cmcore.filters.syntax import Field, Filter, Scalar
from tests.unit.filters.generated import SCALARS, filters
from tests.unit.filters.things import NAMES, Thing, found_in, make_tables

ENGINE = sa.create_engine("sqlite://")
FIELDS = st.builds(Field, group=st.just("values"), name=st.sampled_from(NAMES)) | st.builds(
    Field, group=st.just(""), name=st.sampled_from(["state", "started"])
)
THINGS = st.builds(
    Thing,
    state=st.none() | st.sampled_from(["COMPLETE", "failed"]),
    started=st.none() | st.sampled_from([0.0, 1.0, 2.5]),
    values=st.lists(st.tuples(st.sampled_from(NAMES), SCALARS | st.sampled_from([math.nan, math.inf])), max_size=4),
)


@given(filters(FIELDS), st.lists(THINGS, min_size=1, max_size=4))
def test_sqlite_finds_what_matches(asked: Filter, things: Sequence[Thing]) -> None:
    with ENGINE.connect() as connection, connection.begin() as transaction:
        make_tables(connection, things)
        found = found_in(connection, asked)
        transaction.rollback()
    assert found == {number for number, thing in enumerate(things) if matches(asked, thing.lookup)}


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(f"values.auc = {number}" for number in range(400)),
        " and ".join(["state != 'x'"] * 400),
        "(" * 50 + " or ".join(["state = 'COMPLETE'"] * 400) + ")" * 50,
        f"values.auc in ({', '.join(map(str, range(1500)))})",
        "state in ('y', 1) or " * 399 + "started = 1",
        "state != 'x' and (values.auc = 1 or (" * 25 + "values.auc = 1" + "))" * 25,
        "not (state = 'x' and not values.auc = 1 or not (" * 12 + "values.auc = 2" + "))" * 12,
        "not " * 50 + "state = 'COMPLETE'",
    ],
)
def test_the_largest_filters_are_not_too_large_for_sqlite(text: str) -> None:
    thing = Thing(state="COMPLETE", started=1.0, values=[("auc", 1.0)])
    with ENGINE.connect() as connection, connection.begin() as transaction:
        make_tables(connection, [thing])
        found = found_in(connection, parse(text))
        transaction.rollback()
    assert bool(found) is matches(parse(text), thing.lookup)


@pytest.mark.parametrize("value", ["x' or '1'='1", 'x" or 1=1 --', "%", "\\"])
def test_values_are_data_and_never_sql(value: Scalar) -> None:
    with ENGINE.connect() as connection, connection.begin() as transaction:
        make_tables(connection, [Thing(state="COMPLETE", started=1.0, values=[("auc", "y")])])
        found = found_in(connection, parse(f"values.auc = {value!r} or `values`.{value!r} exists"))
        transaction.rollback()
    assert found == set()


def test_an_unknown_field_is_refused_with_those_that_are_known() -> None:
    error = no_such_field(Field(group="metric", name="auc"), ["state", "metrics.", "params."])
    assert str(error) == ("there is no field 'metric.auc'; did you mean 'metrics.'? There are state, metrics., params.")


def test_an_unknown_field_is_a_usage_error() -> None:
    assert isinstance(no_such_field(Field(group="", name="x"), []), UsageError)
