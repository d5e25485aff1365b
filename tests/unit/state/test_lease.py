"""What is particular to leases in SQLite and to calls that mean nothing; the rest is in tests/integration/state."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from cmcore.errors import LeaseHeldError, LeaseLostError, UsageError
from cmcore.state.clock import Instant
from cmcore.state.database import StateDatabase
from cmcore.state.lease import Holder, Leases


@pytest.mark.parametrize("ttl_s", [0.0, -1.0, float("nan")])
def test_a_lease_for_no_time_is_refused(database: StateDatabase, ana: Holder, ttl_s: float) -> None:
    with pytest.raises(UsageError, match="give a time above 0"):
        Leases(database).acquire("run/r", ana, ttl_s=ttl_s)


def test_a_lease_ends_with_the_boot(database: StateDatabase, ana: Holder, bob: Holder) -> None:
    Leases(database, clock=lambda _: Instant(epoch="boot-1", seconds=50.0)).acquire("run/r", bob, ttl_s=1e6)
    rebooted = Leases(database, clock=lambda _: Instant(epoch="boot-2", seconds=1.0))
    assert rebooted.acquire("run/r", ana, ttl_s=5.0).token == 2


def test_the_lease_of_a_process_that_ended_is_taken_at_once(database: StateDatabase, ana: Holder) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    Leases(database).acquire("run/r", replace(ana, pid=process.pid), ttl_s=1e6)
    assert Leases(database).acquire("run/r", ana, ttl_s=5.0).token == 2


def test_a_second_acquire_names_the_process_that_has_it(database: StateDatabase, ana: Holder) -> None:
    Leases(database).acquire("run/r", ana, ttl_s=5.0)
    with pytest.raises(LeaseHeldError, match=rf"held by ana@{ana.host} pid {os.getpid()} for 0\.\d s"):
        Leases(database).acquire("run/r", replace(ana, actor="bob"), ttl_s=5.0)


def test_a_lease_that_was_given_back_is_nobodys(database: StateDatabase, ana: Holder) -> None:
    leases = Leases(database)
    leases.release(leases.acquire("run/r", ana, ttl_s=5.0))
    assert leases.holder("run/r") is None


def test_a_renewed_lease_is_its_holders(database: StateDatabase, ana: Holder) -> None:
    leases = Leases(database)
    lease = leases.acquire("run/r", ana, ttl_s=60.0)
    leases.renew(lease)
    assert leases.holder("run/r") == ana


def test_a_lease_that_was_given_back_is_not_renewed(database: StateDatabase, ana: Holder) -> None:
    leases = Leases(database)
    lease = leases.acquire("run/r", ana, ttl_s=5.0)
    leases.release(lease)
    with pytest.raises(LeaseLostError, match="given back"):
        leases.renew(lease)
