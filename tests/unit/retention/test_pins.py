"""Pins in SQLite."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cmcore.errors import LeaseHeldError, NotFoundError, UsageError
from cmcore.events import EventKind
from cmcore.retention.pins import Pin, PinKind, Pins
from cmcore.retention.tables import METADATA
from cmcore.state.database import StateDatabase
from cmcore.state.holder import Holder
from cmcore.state.journal import Journal
from cmcore.state.lease import COLLECTION, Leases


@pytest.fixture
def pins(database: StateDatabase) -> Pins:
    return Pins(database, actor="ada", clock=lambda: 5.0)


def test_a_pin_is_listed_with_who_when_and_why(pins: Pins) -> None:
    pins.pin(PinKind.RUN, "r1", reason="figure 3")
    assert pins.list() == [Pin(kind=PinKind.RUN, name="r1", reason="figure 3", actor="ada", pinned_at=5.0)]


def test_pinning_again_replaces_the_reason(pins: Pins, database: StateDatabase) -> None:
    pins.pin(PinKind.RUN, "r1", reason="figure 3")
    Pins(database, actor="bob").pin(PinKind.RUN, "r1", reason="figure 4")
    assert [(pin.actor, pin.reason) for pin in pins.list()] == [("bob", "figure 4")]


def test_kinds_do_not_disturb_each_other(pins: Pins) -> None:
    pins.pin(PinKind.VERSION, "flights@1.0.0")
    pins.pin(PinKind.ARTIFACT, "flights@1.0.0")
    pins.unpin(PinKind.ARTIFACT, "flights@1.0.0")
    assert [pin.kind for pin in pins.list()] == [PinKind.VERSION]


def test_removing_what_is_not_pinned_says_so(pins: Pins) -> None:
    with pytest.raises(NotFoundError, match=r"run 'r1' is not pinned; cm pin --list"):
        pins.unpin(PinKind.RUN, "r1")


def test_changes_are_told_in_the_log(pins: Pins, database: StateDatabase) -> None:
    pins.pin(PinKind.RUN, "r1", reason="figure 3")
    pins.unpin(PinKind.RUN, "r1")
    told = [(event.kind, event.run, event.data["name"], event.data["actor"]) for event in Journal(database).read()]
    assert told == [(EventKind.PIN_SET, "r1", "r1", "ada"), (EventKind.PIN_REMOVED, "r1", "r1", "ada")]


@pytest.mark.parametrize(("name", "reason"), [("", ""), ("r\0", ""), ("r1", "\0"), ("r1", "x" * 1001)])
def test_what_no_table_should_hold_is_refused(pins: Pins, name: str, reason: str) -> None:
    with pytest.raises(UsageError, match="a pin takes"):
        pins.pin(PinKind.RUN, name, reason=reason)


def test_nothing_is_pinned_while_it_is_decided_what_goes(pins: Pins, database: StateDatabase) -> None:
    Leases(database).acquire(COLLECTION, Holder.this("bob"), ttl_s=60.0)
    with pytest.raises(LeaseHeldError, match="'gc' has been held by bob"):
        pins.pin(PinKind.RUN, "r1")


def test_migrations_make_the_table_that_the_code_expects(database: StateDatabase) -> None:
    own = MigrationContext.configure(
        opts={"include_name": lambda name, kind, _: kind != "table" or name in METADATA.tables},
        connection=database.engine.connect(),
    )
    assert compare_metadata(own, METADATA) == []
    assert own.connection is not None
    own.connection.close()
