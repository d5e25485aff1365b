"""What words on the command line name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cmcore.cli.naming import artifact_named, run_meant, run_named
from cmcore.errors import NotFoundError, UsageError
from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import Edge, ExecutionRecord, ExecutionState, RunRecord
from cmcore.state.database import StateDatabase
from cmcore.state.runs import RunRow, Runs
from tests.unit.cli.plans import artifact

EXECUTION = ExecutionRecord(
    name="r1/n/1", type_name="T", state=ExecutionState.COMPLETE, project="p", pipeline="p", run="r1", node="n",
    outputs=(Edge(key="data", index=0, artifact=artifact("r1/n/1/data/0")),),
)  # fmt: skip


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    """Three runs."""
    database = StateDatabase.open(f"sqlite:///{tmp_path / 'state.db'}")
    runs = Runs(database)
    row = RunRow(
        run="", project="p", pipeline="p", actor="a", state="RUNNING", created_at=0.0, finished_at=None, plan="{}",
        options="{}",
    )  # fmt: skip
    runs.create(replace(row, run="flights-1"))
    runs.create(replace(row, run="flights-12"))
    runs.create(replace(row, run="other-3"))
    yield runs
    database.close()


@pytest.fixture
def lineage() -> MemoryLineage:
    """One run with one output."""
    store = MemoryLineage()
    store.open_run(RunRecord(run="r1", pipeline="p", project="p"))
    store.commit(EXECUTION)
    return store


@pytest.mark.parametrize(
    ("name", "found"), [("flights-1", "flights-1"), ("o", "other-3"), ("flights-12", "flights-12")]
)
def test_a_run_is_found_by_its_name_or_the_beginning_of_it(name: str, found: str, runs: Runs) -> None:
    assert run_named(name, runs).run == found


def test_a_beginning_that_fits_two_runs_is_refused(runs: Runs) -> None:
    with pytest.raises(UsageError, match="2 runs begin with 'f': flights-12, flights-1"):
        run_named("f", runs)


def test_a_run_that_is_not_there_says_what_was_meant(runs: Runs) -> None:
    with pytest.raises(NotFoundError, match=r"no run 'fligths-12' in this project; did you mean 'flights-12'\?"):
        run_named("fligths-12", runs)


@pytest.mark.parametrize(
    "text",
    ["r1/n/1/data/0", "file:///p/.cm/artifacts/r1/n/1/data/0", "r1/n/data", "r1/n/data/0", "sha256:ababab", "abababab"],
)
def test_an_artifact_is_found_by(text: str, lineage: MemoryLineage) -> None:
    assert artifact_named(text, lineage).name == "r1/n/1/data/0"


@pytest.mark.parametrize("text", ["r1/n", "r1/n/other", "r1/n/data/1", "abab", "ffffffff", ""])
def test_an_artifact_that_is_not_there_says_how_to_name_one(text: str, lineage: MemoryLineage) -> None:
    with pytest.raises(NotFoundError, match="give RUN/NODE/OUTPUT"):
        artifact_named(text, lineage)


def test_an_unknown_run_is_told_with_the_newest_ones(runs: Runs) -> None:
    with pytest.raises(NotFoundError, match="no run 'zzz' in this project; the newest are other-3, flights-12, flight"):
        run_named("zzz", runs)


def test_without_a_name_the_newest_run_is_meant_and_said(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert (run_meant("", runs).run, capsys.readouterr().err) == ("other-3", "the newest run: other-3\n")


def test_without_any_run_the_first_step_is_told(tmp_path: Path) -> None:
    database = StateDatabase.open(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(NotFoundError, match="there are no runs yet in this project; start one: cm run PIPELINE"):
        run_meant("", Runs(database))
    database.close()
