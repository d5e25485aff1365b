"""What the event log promises, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cmcore.errors import LeaseLostError
from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal, record
from cmcore.state.lease import Holder, Lease, Leases

pytestmark = pytest.mark.integration

HOSTILE = "r'; DROP TABLE events; -- %(run)s :run"


def event(run: str = "r", node: str = "n", **data: str) -> Event:
    return Event(kind=EventKind.ATTEMPT_SUBMITTED, at=1_763_900_000.123456, run=run, node=node, data=dict(data))


def record_and_fail(database: StateDatabase) -> None:
    with database.writing() as connection:
        record(connection, [event(), event()])
        _ = 1 / 0


@pytest.fixture
def journal(database: StateDatabase) -> Journal:
    return Journal(database)


@pytest.fixture
def leases(database: StateDatabase) -> Leases:
    return Leases(database)


@pytest.fixture
def lease(leases: Leases, ana: Holder) -> Lease:
    return leases.acquire("run/r", ana, ttl_s=60.0)


@pytest.fixture
def lost(leases: Leases, lease: Lease, ana: Holder) -> Lease:
    leases.release(lease)
    leases.acquire("run/r", ana, ttl_s=60.0)
    return lease


def test_events_come_back_in_their_order_and_numbered_from_one(journal: Journal) -> None:
    journal.append([event(node="a"), event(node="b")], lease=None)
    journal.append([event(node="c")], lease=None)
    assert [(found.seq, found.node) for found in journal.read()] == [(1, "a"), (2, "b"), (3, "c")]


def test_an_event_keeps_all_but_its_number(journal: Journal) -> None:
    journal.append([event(text="\N{SNOWMAN}\0\ud800")], lease=None)
    assert journal.read() == [event(text="\N{SNOWMAN}\0\ud800").model_copy(update={"seq": 1})]


def test_no_events_are_no_change(journal: Journal) -> None:
    journal.append([], lease=None)
    assert journal.read() == []


def test_a_holder_appends_under_its_lease(journal: Journal, lease: Lease) -> None:
    journal.append([event()], lease=lease)
    assert len(journal.read()) == 1


def test_a_lease_that_ran_out_and_that_nobody_took_still_writes(
    journal: Journal, database: StateDatabase, ana: Holder
) -> None:
    journal.append([event()], lease=Leases(database).acquire("run/r", ana, ttl_s=1e-6))
    assert len(journal.read()) == 1


def test_a_lost_lease_appends_nothing(journal: Journal, lost: Lease) -> None:
    with pytest.raises(LeaseLostError):
        journal.append([event(), event()], lease=lost)
    assert journal.read() == []


def test_a_lost_lease_is_found_out_even_with_nothing_to_append(journal: Journal, lost: Lease) -> None:
    with pytest.raises(LeaseLostError):
        journal.append([], lease=lost)


def test_a_lost_lease_is_not_confirmed(journal: Journal, lost: Lease) -> None:
    with pytest.raises(LeaseLostError):
        journal.confirm(lost)


def test_a_current_lease_is_confirmed_and_nothing_is_written(journal: Journal, lease: Lease) -> None:
    before = journal.head()
    journal.confirm(lease)
    assert journal.head() == before


def test_a_released_lease_appends_nothing(journal: Journal, leases: Leases, lease: Lease) -> None:
    leases.release(lease)
    with pytest.raises(LeaseLostError, match="given back"):
        journal.append([event()], lease=lease)


def test_a_refused_append_leaves_no_gap(journal: Journal, lost: Lease) -> None:
    with pytest.raises(LeaseLostError):
        journal.append([event()], lease=lost)
    journal.append([event()], lease=None)
    assert [found.seq for found in journal.read()] == [1]


def test_an_undone_transaction_leaves_no_gap(journal: Journal, database: StateDatabase) -> None:
    with pytest.raises(ZeroDivisionError):
        record_and_fail(database)
    journal.append([event()], lease=None)
    assert [found.seq for found in journal.read()] == [1]


def test_events_are_read_by_run(journal: Journal) -> None:
    journal.append([event(run="a"), event(run="b"), event(run="a")], lease=None)
    assert [found.seq for found in journal.read(run="a")] == [1, 3]


def test_events_are_read_after_a_number(journal: Journal) -> None:
    journal.append([event()] * 5, lease=None)
    assert [found.seq for found in journal.read(after=3)] == [4, 5]


def test_no_more_events_are_read_than_were_asked_for(journal: Journal) -> None:
    journal.append([event()] * 5, lease=None)
    assert [found.seq for found in journal.read(limit=2)] == [1, 2]


def test_two_thousand_events_are_one_transaction(journal: Journal, lease: Lease) -> None:
    journal.append([event()] * 2000, lease=lease)
    assert journal.read(after=1999)[0].seq == 2000


def test_a_name_is_a_value_and_never_a_statement(journal: Journal) -> None:
    journal.append([event(run=HOSTILE)], lease=None)
    assert [found.run for found in journal.read(run=HOSTILE)] == [HOSTILE]


def test_threads_share_a_journal(journal: Journal, leases: Leases, lease: Lease) -> None:
    def append_and_renew(_: int) -> None:
        journal.append([event()], lease=lease)
        leases.renew(lease)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append_and_renew, range(100)))
    assert [found.seq for found in journal.read()] == list(range(1, 101))


def test_a_consumer_that_never_read_starts_before_the_first_event(journal: Journal) -> None:
    assert journal.cursor("tracker") == 0


def test_a_cursor_is_where_its_consumer_left_it(journal: Journal) -> None:
    journal.advance("tracker", 7)
    assert journal.cursor("tracker") == 7


def test_a_cursor_goes_forward_only(journal: Journal) -> None:
    journal.advance("tracker", 7)
    journal.advance("tracker", 3)
    assert journal.cursor("tracker") == 7


def test_consumers_have_cursors_of_their_own(journal: Journal) -> None:
    journal.advance("tracker", 7)
    assert journal.cursor("notifier") == 0


def test_a_cursor_outlives_its_process(journal: Journal, url: str) -> None:
    journal.advance("tracker", 7)
    again = StateDatabase.open(url)
    assert Journal(again).cursor("tracker") == 7
    again.close()
