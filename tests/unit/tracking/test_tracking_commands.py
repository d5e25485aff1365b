"""The commands that search, compare and label runs, in a project whose log tells of three runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from cmcore.cli.main import run as cm_run
from cmcore.registry.names import Reference
from cmcore.registry.store import Registry
from cmcore.stack.project import BRANCHES
from cmcore.state.database import StateDatabase
from cmcore.state.runs import RunRow, Runs
from cmcore.tracking.store import Tracking
from tests.unit.tracking.log import START, told, whole_run


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command line came to."""

    code: int
    out: str
    err: str


Cm = Callable[..., Said]


def ran(database: StateDatabase, name: str, at: float, auc: float | str, lr: float, pipeline: str = "flights") -> None:
    """A run as the state database and the log know it."""
    row = RunRow(
        run=name, project="demo", pipeline=pipeline, actor="ana", state="SUCCEEDED", created_at=at,
        finished_at=at + 60, plan="{}", options="{}",
    )  # fmt: skip
    Runs(database).create(row)
    told(database, *whole_run(name, at=at, auc=auc, lr=lr))


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which three runs are recorded, the newest with NaN; tests copy it."""
    folder = tmp_path_factory.mktemp("project")
    database = StateDatabase.open(f"sqlite:///{folder}/state.db", branches=BRANCHES)
    ran(database, "flights-1", START, 0.8, 0.1)
    ran(database, "flights-2", START + 100, 0.9, 0.2)
    ran(database, "flights-3", START + 200, "nan", 0.2)
    Registry(database, actor="ana").create("flights")
    Tracking(database).catch_up()
    database.close()
    return folder / "state.db"


@pytest.fixture
def home(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".cm").mkdir()
    (tmp_path / ".cm" / "state.db").write_bytes(project.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cm(home: Path, capsys: pytest.CaptureFixture[str]) -> Cm:
    def call(*arguments: str) -> Said:
        code = cm_run(arguments)
        out, err = capsys.readouterr()
        return Said(code=code, out=out, err=err)

    return call


def names(said: Said) -> list[str]:
    """The runs in a table, line by line."""
    return [line.split()[0] for line in said.out.splitlines()[1:]]


def test_search_finds_what_matches(cm: Cm) -> None:
    assert names(cm("search", "metrics.auc > 0.85")) == ["flights-2"]


def test_search_without_a_filter_lists_all_the_newest_first(cm: Cm) -> None:
    assert names(cm("search")) == ["flights-3", "flights-2", "flights-1"]


def test_search_shows_what_it_was_asked_for(cm: Cm) -> None:
    assert cm("search", "params.lr = 0.1 and metrics.auc > 0").out.splitlines()[0].split() == [
        "run", "state", "started", "took", "params.lr", "auc"
    ]  # fmt: skip


def test_search_shows_the_most_common_metrics_by_itself(cm: Cm) -> None:
    assert cm("search").out.splitlines()[0].split()[-3:] == ["auc", "loss", "rows"]


def test_search_sorts(cm: Cm) -> None:
    assert names(cm("search", "--order-by", "metrics.auc", "--asc")) == ["flights-1", "flights-2", "flights-3"]


def test_search_shows_the_columns_that_are_wanted(cm: Cm) -> None:
    said = cm("search", "run = 'flights-3'", "--columns", "metrics.auc, tags.team,duration,params.nothing")
    assert said.out.splitlines()[1].split()[-6:] == ["nan", "x", "1", "min", "00", "s"]


def test_search_as_json_has_everything(cm: Cm) -> None:
    (found,) = json.loads(cm("search", "run = 'flights-3'", "--json").out)
    assert (found["run"], found["metrics"][0], found["params"][0]["layer"]) == (
        "flights-3", {"node": "evaluator", "name": "auc", "value": "nan"}, "file cm.yaml"
    )  # fmt: skip


def test_search_says_where_a_filter_is_wrong(cm: Cm) -> None:
    said = cm("search", "metrics.auc > ")
    assert (said.code, said.err.splitlines()[-1].strip()) == (64, "^")


def test_search_says_that_nothing_matches(cm: Cm) -> None:
    assert (cm("search", "metrics.auc > 2").out) == "no run matches\n"


def test_search_says_that_nothing_can_match(cm: Cm) -> None:
    assert cm("search", "metrics.acu > 0").out == "no run matches: no run has a metric 'acu'; did you mean 'auc'?\n"


def test_search_says_which_states_there_are(cm: Cm) -> None:
    assert cm("search", "state = 'SUCCEDED'").out == (
        "no run matches: no run can have the state 'SUCCEDED'; there are RUNNING, SUCCEEDED, FAILED and CANCELED\n"
    )


def test_compare_shows_in_what_runs_differ(cm: Cm) -> None:
    said = cm("compare", "flights-1", "flights-2", "--maximise", "auc")
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[:3] == [
        ["flights-1", "flights-2"],
        ["metrics", "auc", "0.8", "0.9", "*"],
        ["parameters", "lr", "0.1", "(set)", "0.2", "(set)"],
    ]


def test_compare_says_how_much_is_the_same(cm: Cm) -> None:
    assert "the same in all runs (--all shows them)" in cm("compare", "flights-1", "flights-2").out


def test_compare_shows_all_if_it_is_to(cm: Cm) -> None:
    assert "epochs" in cm("compare", "flights-1", "flights-2", "--all").out


def test_compare_without_names_takes_the_newest_two(cm: Cm) -> None:
    assert json.loads(cm("compare", "--json").out)["runs"] == ["flights-2", "flights-3"]


def test_compare_of_one_run_takes_the_one_before_it(cm: Cm) -> None:
    assert json.loads(cm("compare", "flights-2", "--json").out)["runs"] == ["flights-1", "flights-2"]


def test_compare_knows_the_latest(cm: Cm) -> None:
    assert json.loads(cm("compare", "flights-1", "latest", "--json").out)["runs"] == ["flights-1", "flights-3"]


def test_compare_has_nothing_to_put_beside_the_first_run(cm: Cm) -> None:
    said = cm("compare", "flights-1")
    assert (said.code, "nothing before it" in said.err) == (66, True)


def test_compare_of_a_run_that_there_is_not_says_so(cm: Cm) -> None:
    assert cm("compare", "nothing", "latest").code == 66


def test_compare_writes_a_page(cm: Cm, home: Path) -> None:
    said = cm("compare", "flights-1", "flights-2", "--html", "page.html")
    assert (said.code, (home / "page.html").read_text().startswith("<!DOCTYPE html>")) == (0, True)


def test_compare_cannot_write_a_page_into_a_folder_that_there_is_not(cm: Cm) -> None:
    said = cm("compare", "--html", "nowhere/page.html")
    assert (said.code, "cannot be written to nowhere/page.html" in said.err) == (64, True)


def test_a_leaderboard_ranks(cm: Cm) -> None:
    lines = [line.split()[:3] for line in cm("leaderboard", "auc").out.splitlines()[1:]]
    assert lines == [["1", "flights-2", "0.9"], ["2", "flights-1", "0.8"]]


def test_a_leaderboard_may_be_of_some_runs_and_the_other_way_round(cm: Cm) -> None:
    said = cm(
        "leaderboard", "evaluator.auc", "--minimise", "--pipeline", "flights", "--where", "params.lr > 0", "--json"
    )
    assert [it["run"] for it in json.loads(said.out)] == ["flights-1", "flights-2"]


def test_a_leaderboard_of_another_pipeline_is_empty(cm: Cm) -> None:
    said = cm("leaderboard", "auc", "--pipeline", "other")
    assert (said.code, "there is auc, loss, rows" in said.err) == (66, True)


def test_a_run_is_labelled_and_the_label_taken_away(cm: Cm) -> None:
    cm("tag", "latest", "stage=candidate", "team=y")
    cm("tag", "flights-3", "--remove", "team")
    assert json.loads(cm("search", "tags.stage = 'candidate'", "--json").out)[0]["tags"] == {"stage": "candidate"}


@pytest.mark.parametrize("arguments", [("stage",), ("=x",), ("é=x",), ()])
def test_what_is_no_label_is_refused(arguments: tuple[str, ...], cm: Cm) -> None:
    assert cm("tag", "latest", *arguments).code == 64


def test_a_run_is_noted_on(cm: Cm) -> None:
    cm("note", "flights-2", "the best so far")
    found = json.loads(cm("search", "run = 'flights-2'", "--json").out)[0]["notes"]
    assert [it["text"] for it in found] == ["the best so far"]


def test_a_model_is_noted_on(cm: Cm, home: Path) -> None:
    said = cm("note", "flights", "for holidays too")
    registry = Registry(StateDatabase(f"sqlite:///{home}/.cm/state.db"), actor="ana")
    notes = registry.notes(Reference.parse("flights"))
    assert (said.out, [note.text for note in notes]) == ("noted on flights\n", ["for holidays too"])


def test_a_version_that_there_is_not_cannot_be_noted_on(cm: Cm) -> None:
    assert cm("note", "flights@production", "x").code == 66


def test_nothing_cannot_be_noted(cm: Cm) -> None:
    assert cm("note", "latest", " ").code == 64


@pytest.mark.parametrize("command", ["search", "compare", "leaderboard", "tag", "note"])
def test_every_command_teaches(command: str, cm: Cm) -> None:
    help_text = cm(command, "--help").out
    assert "Examples:" in help_text
    assert "Exit codes:" in help_text
