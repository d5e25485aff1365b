"""One lease keeps others from beginning something, and what has begun keeps it from being taken; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest

from cmcore.errors import LeaseHeldError, LeaseLostError
from cmcore.state.clock import Instant
from cmcore.state.database import StateDatabase
from cmcore.state.lease import COLLECTION, Holder, Lease, Leases, refuse_while_held

pytestmark = pytest.mark.integration


@pytest.fixture
def leases(database: StateDatabase) -> Leases:
    return Leases(database)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_a_lease_is_not_given_while_the_other_is_held(leases: Leases, ana: Holder, bob: Holder) -> None:
    leases.acquire(COLLECTION, bob, ttl_s=60.0)
    with pytest.raises(LeaseHeldError, match="'gc' has been held by bob"):
        leases.acquire("run/r", ana, ttl_s=60.0, unless=COLLECTION)


def test_a_lease_is_given_once_the_other_is_free(leases: Leases, ana: Holder, bob: Holder) -> None:
    leases.release(leases.acquire(COLLECTION, bob, ttl_s=60.0))
    assert leases.acquire("run/r", ana, ttl_s=60.0, unless=COLLECTION).token == 1


def test_what_was_checked_stays_so_until_the_transaction_ends(
    database: StateDatabase, leases: Leases, thread: ThreadPoolExecutor, bob: Holder
) -> None:
    with database.writing() as connection:
        refuse_while_held(connection, COLLECTION)
        taken: Future[Lease] = thread.submit(leases.acquire, COLLECTION, bob, ttl_s=60.0)
        early = wait([taken], timeout=0.5).done
    assert (early, taken.result(10).holder) == (set(), bob)


def test_a_holder_that_overslept_finds_its_lease_lost(database: StateDatabase, ana: Holder) -> None:
    leases = Leases(database, clock=lambda _: Instant(epoch="test", seconds=100.0))
    lease = leases.acquire(COLLECTION, ana, ttl_s=5.0)
    with database.writing() as connection:
        refuse_while_held(connection, COLLECTION, clock=lambda _: Instant(epoch="test", seconds=106.0))
    with pytest.raises(LeaseLostError, match="given back"):
        leases.renew(lease)


def test_those_that_hold_leases_are_listed_by_the_beginning_of_the_name(
    leases: Leases, ana: Holder, bob: Holder
) -> None:
    leases.acquire("run/a", ana, ttl_s=60.0)
    leases.acquire("run/b", bob, ttl_s=60.0)
    leases.acquire("runs", bob, ttl_s=60.0)
    leases.release(leases.acquire("run/c", bob, ttl_s=60.0))
    assert leases.held("run/") == {"run/a": ana, "run/b": bob}


def test_a_lease_is_waited_for(leases: Leases, thread: ThreadPoolExecutor, ana: Holder) -> None:
    lease = leases.acquire(COLLECTION, ana, ttl_s=60.0)
    waiting = thread.submit(leases.wait_for, COLLECTION, patience_s=30.0)
    early = wait([waiting], timeout=0.3).done
    leases.release(lease)
    assert (early, waiting.result(10)) == (set(), None)


def test_patience_ends(leases: Leases, ana: Holder) -> None:
    leases.acquire(COLLECTION, ana, ttl_s=60.0)
    leases.wait_for(COLLECTION, patience_s=0.2)
    assert leases.holder(COLLECTION) == ana
