"""Events as rows; the log itself is tested on both databases in tests/integration/state."""

from __future__ import annotations

import math

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmcore.errors import LeaseLostError, StateError
from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal, record, row_of
from cmcore.state.lease import Holder, Leases
from cmcore.state.tables import EVENTS

TEXT = st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ALL_EVENTS = st.builds(
    Event,
    kind=st.sampled_from(EventKind),
    at=st.floats(0, 4e9),
    run=NAMES,
    node=NAMES,
    address=NAMES,
    data=st.dictionaries(TEXT, VALUES, max_size=4),
)


def record_and_fail(database: StateDatabase) -> None:
    with database.writing() as connection:
        record(connection, [Event(kind=EventKind.RUN_STARTED, at=0.0)])
        _ = 1 / 0


@given(event=ALL_EVENTS)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_an_event_comes_back_as_it_was(database: StateDatabase, event: Event) -> None:
    journal = Journal(database)
    last = len(journal.read(limit=10_000))
    journal.append([event], lease=None)
    assert journal.read(after=last) == [event.model_copy(update={"seq": last + 1})]


def test_not_a_number_comes_back_as_such(database: StateDatabase) -> None:
    journal = Journal(database)
    journal.append([Event(kind=EventKind.NODE_FINISHED, at=0.0, data={"auc": math.nan})], lease=None)
    assert str(journal.read()[0].data) == "{'auc': nan}"


def test_an_event_of_a_newer_cmcore_is_named(database: StateDatabase) -> None:
    row = row_of(Event(kind=EventKind.RUN_STARTED, at=0.0), 7) | {"kind": "planet.moved"}
    with database.writing() as connection:
        connection.execute(sa.insert(EVENTS), row)
    with pytest.raises(StateError, match=r"event 7 of kind 'planet\.moved'.*--upgrade"):
        Journal(database).read()


def test_an_event_joins_the_transaction_of_a_change(database: StateDatabase) -> None:
    with pytest.raises(ZeroDivisionError):
        record_and_fail(database)
    assert Journal(database).read() == []


def test_a_lost_lease_appends_nothing(database: StateDatabase, ana: Holder) -> None:
    leases, journal = Leases(database), Journal(database)
    lease = leases.acquire("run/r", ana, ttl_s=5.0)
    leases.release(lease)
    with pytest.raises(LeaseLostError):
        journal.append([Event(kind=EventKind.RUN_STARTED, at=0.0)], lease=lease)
    assert journal.read(run="") == []


def test_a_cursor_goes_forward_only(database: StateDatabase) -> None:
    journal = Journal(database)
    journal.advance("tracker", 7)
    journal.advance("tracker", 3)
    assert journal.cursor("tracker") == 7
