"""The tables follow the log: each event once, whatever it holds."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.tracking.changes import Change, changes, numeric, storable
from cmcore.tracking.projection import (
    CONSUMER,
    KINDS,
    PORTION_EVENTS,
    apply,
    apply_portion,
    cursor,
    last_event,
    own_connection,
)
from cmcore.tracking.statements import AT_ONCE, IN_ORDER
from cmcore.tracking.store import Tracking
from cmcore.tracking.tables import METADATA
from tests.unit.tracking.log import finished, point, started, submitted, told, tracked, whole_run


def everything(database: StateDatabase) -> dict[str, Sequence[tuple[object, ...]]]:
    """All rows of all tables of tracking."""
    with database.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in METADATA.sorted_tables
        }


def test_reading_on_when_there_is_nothing_changes_nothing(database: StateDatabase, tracking: Tracking) -> None:
    told(database, *whole_run("a"))
    tracking.catch_up()
    before = everything(database)
    with own_connection(database) as connection:
        apply_portion(connection)
    assert everything(database) == before


def test_reading_all_again_gives_the_same_tables(database: StateDatabase, tracking: Tracking) -> None:
    told(database, *whole_run("a"), *whole_run("b"))
    tracking.tag("a", {"team": "z"}, actor="ana")
    tracking.catch_up()
    before = everything(database)
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE event_cursors SET seq = 0"))
    tracking.catch_up()
    assert everything(database) == before


def test_portions_that_are_cut_short_give_the_same_as_one(database: StateDatabase, tracking: Tracking) -> None:
    events = [*whole_run("a"), submitted("a", attempt=2), tracked("a", point("loss", 9, 1.0), attempt=2)]
    for event in events:
        told(database, event)
        tracking.catch_up()
    one_by_one = everything(database)
    with database.writing() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(sa.delete(table))
        connection.execute(sa.text("UPDATE event_cursors SET seq = 0"))
    tracking.catch_up()
    assert everything(database) == one_by_one


def apply_and_die(database: StateDatabase) -> None:
    with database.writing() as connection:
        apply(connection, Journal(database).read())
        connection.execute(sa.text("UPDATE event_cursors SET seq = 8"))
        raise KeyboardInterrupt


def test_a_transaction_that_is_lost_is_done_again(database: StateDatabase, tracking: Tracking) -> None:
    told(database, *whole_run("a"))
    with pytest.raises(KeyboardInterrupt):
        apply_and_die(database)
    assert cursor(database) == 0
    assert tracking.run("a").tags == {"team": "x"}


def test_a_counter_that_is_ahead_of_the_log_is_no_reason_to_wait(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"))
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE event_counter SET last = 99"))
    assert [run.run for run in tracking.search()] == ["a"]


def test_a_long_log_is_read_in_portions(database: StateDatabase) -> None:
    told(database, *(started(f"r{number}") for number in range(PORTION_EVENTS + 1)))
    with own_connection(database) as connection:
        apply_portion(connection)
    assert cursor(database) == PORTION_EVENTS


def test_large_events_make_small_portions(database: StateDatabase) -> None:
    points = [point("loss", step, 0.5) for step in range(1000)]
    told(database, started("a"), tracked("a", *points), tracked("a", *points))
    with own_connection(database) as connection:
        apply_portion(connection)
    assert cursor(database) == 2


def test_the_place_in_the_log_is_kept_with_those_of_other_readers(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"))
    tracking.catch_up()
    assert Journal(database).cursor(CONSUMER) == last_event(database)


def test_events_of_others_are_passed_over(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"), Event(kind=EventKind.MODEL_CREATED, at=1.0, run="a", data={"model": "m"}))
    tracking.catch_up()
    assert cursor(database) == 2


def test_events_of_kinds_that_are_not_known_yet_are_passed_over(database: StateDatabase, tracking: Tracking) -> None:
    told(database, started("a"), started("b"))
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE events SET kind = 'model.dreamt' WHERE run = 'b'"))
    assert [run.run for run in tracking.search()] == ["a"]


def test_events_of_a_run_whose_start_nobody_has_seen_are_passed_over(
    database: StateDatabase, tracking: Tracking
) -> None:
    told(database, finished("ghost", metrics={"auc": 1}))
    assert tracking.search() == []


NOT_WHAT_IS_EXPECTED: list[JsonValue] = [
    None, 1, "x", [1], {"x": None}, {"a\0b": "\0"}, {"a": "\ud800"}, [{"kind": "point"}], {"a": [1, {"b": "\0"}]},
    {"x" * 300: "y" * 6000}, [{"kind": "point", "at": 1, "name": "n", "step": 2**70, "value": 1}],
    {"m": 10**400}, {"m": "much"}, [{"kind": "param", "at": 1, "name": "n", "value": "\0" * 9}],
]  # fmt: skip


@pytest.mark.parametrize("value", NOT_WHAT_IS_EXPECTED)
def test_no_event_stops_the_reading(value: JsonValue, database: StateDatabase, tracking: Tracking) -> None:
    keys = (
        "parameters",
        "records",
        "metrics",
        "tags",
        "text",
        "output",
        "state",
        "cached_from",
        "code_version",
        "argv",
    )
    data: dict[str, JsonValue] = {"pipeline": value, "actor": value, "component": value, **dict.fromkeys(keys, value)}
    odd = [Event(kind=kind, at=1.0, run="a", node="n", address="a/n/2", data=data) for kind in sorted(KINDS)]
    told(database, *odd)
    tracking.catch_up()
    assert cursor(database) == len(odd)


def test_a_run_that_was_killed_before_its_start_was_told_begins_when_it_goes_on(
    database: StateDatabase, tracking: Tracking
) -> None:
    resumed = Event(kind=EventKind.RUN_RESUMED, at=5.0, run="a", data={"pipeline": "flights", "actor": "ana"})
    told(database, resumed, finished("a", metrics={"auc": 1}))
    run = tracking.run("a")
    assert (run.created_at, run.pipeline, run.metrics[0].value) == (5.0, "flights", 1.0)


def test_every_statement_has_its_place_in_the_order(database: StateDatabase) -> None:
    events = [*whole_run("a"), submitted("a", attempt=2), finished("a", cached_from="b/train/1")]
    used = {change.statement for event in events for change in changes(event, 1)}
    assert used <= {*IN_ORDER, *AT_ONCE}


def test_what_a_first_attempt_is_given_needs_no_clearing() -> None:
    assert not {change.statement for change in changes(submitted("a"), 1)} & AT_ONCE


@given(st.text())
def test_a_text_is_stored_as_it_is_or_marked(text: str) -> None:
    assert storable(text) in {text, text.replace("\0", "\ufffd")}


def test_long_texts_that_differ_at_their_ends_differ_when_stored() -> None:
    assert storable("x" * 6000 + "a") != storable("x" * 6000 + "b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1.0), ("-1e-3", -0.001), (".5", 0.5), ("nan", None), ("1_0", None), ("", None), ("1 ", None)],
)
def test_a_number_is_what_spells_one(text: str, expected: float | None) -> None:
    assert numeric(text) == expected


def test_changes_are_values() -> None:
    assert Change(*IN_ORDER[:1], {}) == Change(IN_ORDER[0], {})
