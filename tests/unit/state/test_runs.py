"""Runs in SQLite; the same and more is tested on both databases in tests/integration/state."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from cmcore.errors import NotFoundError, StateError
from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.lease import Holder, Lease, Leases
from cmcore.state.runs import RunRow, Runs
from cmcore.state.tables import RUNS

ROW = RunRow(
    run="r-1",
    project="flights",
    pipeline="delay",
    actor="ana",
    state="RUNNING",
    created_at=1.5,
    finished_at=None,
    plan="{}",
    options="{}",
)


@pytest.fixture
def runs(database: StateDatabase) -> Runs:
    runs = Runs(database)
    runs.create(ROW)
    return runs


@pytest.fixture
def lease(database: StateDatabase, ana: Holder) -> Lease:
    return Leases(database).acquire("run/r-1", ana, ttl_s=60.0)


def test_every_field_of_a_run_has_its_column() -> None:
    assert {field.name for field in fields(RunRow)} == set(RUNS.columns.keys()) - {"number"}


def test_a_run_comes_back_as_it_was(runs: Runs) -> None:
    assert runs.get("r-1") == ROW


def test_a_second_run_of_the_same_name_is_refused(runs: Runs) -> None:
    with pytest.raises(StateError, match="'r-1' exists already"):
        runs.create(ROW)


def test_a_finished_run_has_its_state_and_time(runs: Runs, lease: Lease) -> None:
    runs.finish(lease, "r-1", "COMPLETE", 2.5)
    assert runs.get("r-1") == replace(ROW, state="COMPLETE", finished_at=2.5)


def test_a_run_is_finished_together_with_the_events_that_say_so(
    runs: Runs, lease: Lease, database: StateDatabase
) -> None:
    runs.finish(lease, "r-1", "COMPLETE", 2.5, events=[Event(kind=EventKind.RUN_FINISHED, at=2.5, run="r-1")])
    assert [event.kind for event in Journal(database).read(run="r-1")] == [EventKind.RUN_FINISHED]


def test_a_run_that_does_not_exist_is_not_finished(runs: Runs, lease: Lease) -> None:
    with pytest.raises(NotFoundError, match="no run 'r-9'"):
        runs.finish(lease, "r-9", "COMPLETE", 2.5)


def test_the_run_made_last_comes_first(runs: Runs) -> None:
    runs.create(replace(ROW, run="r-2", created_at=0.5))
    assert [row.run for row in runs.list(pipeline="delay")] == ["r-2", "r-1"]
