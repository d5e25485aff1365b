"""What leases promise, on both databases."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa

from cmcore.errors import LeaseHeldError, LeaseLostError
from cmcore.state.clock import CLOCKS, Instant
from cmcore.state.database import StateDatabase
from cmcore.state.lease import Holder, Lease, Leases

pytestmark = pytest.mark.integration

HOSTILE = "run/'; DROP TABLE leases; -- %s :name \N{SNOWMAN}"


@dataclass
class Watch:
    """A clock that a test sets."""

    seconds: float = 100.0

    def __call__(self, _connection: sa.Connection) -> Instant:
        return Instant(epoch="test", seconds=self.seconds)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def leases(database: StateDatabase, watch: Watch) -> Leases:
    return Leases(database, clock=watch)


@pytest.fixture
def lost(leases: Leases, watch: Watch, ana: Holder, bob: Holder) -> Lease:
    """A lease of Ana's that ran out and that Bob has taken."""
    lease = leases.acquire("run/r", ana, ttl_s=5.0)
    watch.seconds += 5.0
    leases.acquire("run/r", bob, ttl_s=5.0)
    return lease


def test_the_first_to_ask_gets_the_lease(leases: Leases, ana: Holder) -> None:
    assert leases.acquire("run/r", ana, ttl_s=5.0) == Lease(name="run/r", token=1, holder=ana)


def test_the_holder_is_the_one_that_asked(leases: Leases, bob: Holder) -> None:
    leases.acquire("run/r", bob, ttl_s=5.0)
    assert leases.holder("run/r") == bob


def test_nobody_holds_what_nobody_asked_for(leases: Leases) -> None:
    assert leases.holder("run/r") is None


def test_nobody_holds_a_lease_that_ran_out(leases: Leases, watch: Watch, bob: Holder) -> None:
    leases.acquire("run/r", bob, ttl_s=5.0)
    watch.seconds += 5.0
    assert leases.holder("run/r") is None


def test_a_held_lease_is_refused_by_name_age_and_rest(leases: Leases, watch: Watch, ana: Holder, bob: Holder) -> None:
    leases.acquire("run/r", bob, ttl_s=5.0)
    watch.seconds += 2.0
    with pytest.raises(LeaseHeldError, match=r"bob@elsewhere pid 4711 for 2\.0 s.* another 3\.0 s"):
        leases.acquire("run/r", ana, ttl_s=5.0)


def test_a_refusal_changes_nothing(leases: Leases, ana: Holder, bob: Holder) -> None:
    lease = leases.acquire("run/r", bob, ttl_s=5.0)
    with pytest.raises(LeaseHeldError):
        leases.acquire("run/r", ana, ttl_s=5.0)
    leases.renew(lease)
    assert leases.holder("run/r") == bob


def test_a_holder_is_refused_a_second_lease_of_the_same_name(leases: Leases, ana: Holder) -> None:
    leases.acquire("run/r", ana, ttl_s=5.0)
    with pytest.raises(LeaseHeldError):
        leases.acquire("run/r", ana, ttl_s=5.0)


def test_leases_of_other_names_are_free(leases: Leases, ana: Holder, bob: Holder) -> None:
    leases.acquire("run/r", bob, ttl_s=5.0)
    assert leases.acquire("run/s", ana, ttl_s=5.0).token == 1


def test_a_lease_that_ran_out_goes_to_the_next_with_a_greater_token(
    leases: Leases, watch: Watch, ana: Holder, bob: Holder
) -> None:
    leases.acquire("run/r", bob, ttl_s=5.0)
    watch.seconds += 5.0
    assert leases.acquire("run/r", ana, ttl_s=5.0).token == 2


def test_a_renewed_lease_runs_for_its_whole_time_again(leases: Leases, watch: Watch, ana: Holder, bob: Holder) -> None:
    lease = leases.acquire("run/r", bob, ttl_s=5.0)
    watch.seconds += 4.0
    leases.renew(lease)
    watch.seconds += 4.9
    assert leases.holder("run/r") == bob


def test_a_lease_that_ran_out_and_that_nobody_took_is_renewed(leases: Leases, watch: Watch, bob: Holder) -> None:
    lease = leases.acquire("run/r", bob, ttl_s=5.0)
    watch.seconds += 60.0
    leases.renew(lease)
    assert leases.holder("run/r") == bob


def test_renewing_a_lost_lease_names_who_took_it(leases: Leases, lost: Lease) -> None:
    with pytest.raises(LeaseLostError, match="bob@elsewhere pid 4711 took it over"):
        leases.renew(lost)


def test_renewing_a_lost_lease_leaves_the_new_one_alone(leases: Leases, watch: Watch, lost: Lease) -> None:
    watch.seconds += 4.0
    with pytest.raises(LeaseLostError):
        leases.renew(lost)
    watch.seconds += 1.0
    assert leases.holder("run/r") is None


def test_releasing_a_lost_lease_leaves_the_new_one_alone(leases: Leases, lost: Lease, bob: Holder) -> None:
    leases.release(lost)
    assert leases.holder("run/r") == bob


def test_a_released_lease_is_free_at_once_with_a_greater_token(leases: Leases, ana: Holder, bob: Holder) -> None:
    leases.release(leases.acquire("run/r", bob, ttl_s=5.0))
    assert leases.acquire("run/r", ana, ttl_s=5.0).token == 2


def test_releasing_twice_is_the_same_as_once(leases: Leases, bob: Holder) -> None:
    lease = leases.acquire("run/r", bob, ttl_s=5.0)
    leases.release(lease)
    leases.release(lease)
    assert leases.holder("run/r") is None


def test_a_released_lease_cannot_be_renewed(leases: Leases, bob: Holder) -> None:
    lease = leases.acquire("run/r", bob, ttl_s=5.0)
    leases.release(lease)
    with pytest.raises(LeaseLostError, match="given back"):
        leases.renew(lease)


def test_a_name_is_a_value_and_never_a_statement(leases: Leases, bob: Holder) -> None:
    leases.acquire(HOSTILE, replace(bob, actor=HOSTILE), ttl_s=5.0)
    assert leases.holder(HOSTILE) == replace(bob, actor=HOSTILE)


def test_the_databases_own_clock_keeps_a_lease_for_its_time(database: StateDatabase, ana: Holder, bob: Holder) -> None:
    Leases(database).acquire("run/r", bob, ttl_s=60.0)
    with pytest.raises(LeaseHeldError):
        Leases(database).acquire("run/r", ana, ttl_s=60.0)


def test_the_databases_own_clock_moves_within_a_transaction(database: StateDatabase) -> None:
    clock = CLOCKS[database.engine.dialect.name]
    with database.writing() as connection:
        assert clock(connection).seconds < clock(connection).seconds
