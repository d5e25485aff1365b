"""What the table of runs promises, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cmcore.errors import LeaseLostError, NotFoundError, StateError
from cmcore.state.database import StateDatabase
from cmcore.state.lease import Holder, Lease, Leases
from cmcore.state.runs import RunRow, Runs

pytestmark = pytest.mark.integration

ROW = RunRow(
    run="flights-1",
    project="flights",
    pipeline="delay",
    actor="ana",
    state="RUNNING",
    created_at=1_763_900_000.123456,
    finished_at=None,
    plan='{"nodes": ["\N{SNOWMAN} \\u0000"]}',
    options="{}",
)
HOSTILE = "r'; DROP TABLE runs; -- %(run)s"


@pytest.fixture
def runs(database: StateDatabase) -> Runs:
    return Runs(database)


@pytest.fixture
def lease(database: StateDatabase, ana: Holder) -> Lease:
    return Leases(database).acquire("run/flights-1", ana, ttl_s=60.0)


@pytest.fixture
def lost(database: StateDatabase, ana: Holder) -> Lease:
    leases = Leases(database)
    lease = leases.acquire("run/flights-1", ana, ttl_s=60.0)
    leases.release(lease)
    leases.acquire("run/flights-1", ana, ttl_s=60.0)
    return lease


def test_a_run_comes_back_as_it_was(runs: Runs) -> None:
    runs.create(ROW)
    assert runs.get("flights-1") == ROW


def test_there_is_no_run_that_nobody_made(runs: Runs) -> None:
    assert runs.get("flights-1") is None


def test_a_second_run_of_the_same_name_is_refused(runs: Runs) -> None:
    runs.create(ROW)
    with pytest.raises(StateError, match=r"'flights-1' exists already.*cm resume flights-1"):
        runs.create(replace(ROW, actor="bob"))


def test_a_refused_run_leaves_the_first_as_it_was(runs: Runs) -> None:
    runs.create(ROW)
    with pytest.raises(StateError):
        runs.create(replace(ROW, actor="bob"))
    assert runs.get("flights-1") == ROW


def test_a_finished_run_has_its_state_and_time(runs: Runs, lease: Lease) -> None:
    runs.create(ROW)
    runs.finish(lease, "flights-1", "COMPLETE", 1_763_900_060.5)
    assert runs.get("flights-1") == replace(ROW, state="COMPLETE", finished_at=1_763_900_060.5)


def test_a_driver_that_lost_its_lease_finishes_nothing(runs: Runs, lost: Lease) -> None:
    runs.create(ROW)
    with pytest.raises(LeaseLostError):
        runs.finish(lost, "flights-1", "FAILED", 9.0)
    assert runs.get("flights-1") == ROW


def test_a_run_that_does_not_exist_is_not_finished(runs: Runs, lease: Lease) -> None:
    with pytest.raises(NotFoundError, match="no run 'flights-9'"):
        runs.finish(lease, "flights-9", "COMPLETE", 9.0)


def test_the_run_made_last_comes_first_whatever_its_clock_says(runs: Runs) -> None:
    runs.create(replace(ROW, run="b", created_at=2000.0))
    runs.create(replace(ROW, run="a", created_at=1000.0))
    assert [row.run for row in runs.list()] == ["a", "b"]


def test_no_more_runs_are_listed_than_were_asked_for(runs: Runs) -> None:
    runs.create(replace(ROW, run="a"))
    runs.create(replace(ROW, run="b"))
    assert [row.run for row in runs.list(limit=1)] == ["b"]


def test_runs_are_listed_by_pipeline(runs: Runs) -> None:
    runs.create(replace(ROW, run="a", pipeline="delay"))
    runs.create(replace(ROW, run="b", pipeline="fares"))
    assert [row.run for row in runs.list(pipeline="delay")] == ["a"]


def test_a_name_is_a_value_and_never_a_statement(runs: Runs) -> None:
    runs.create(replace(ROW, run=HOSTILE, pipeline=HOSTILE))
    assert [row.run for row in runs.list(pipeline=HOSTILE)] == [HOSTILE]
