"""What the view in lines prints of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmcore.cli.commands.run import words_for_place
from cmcore.cli.view.lines import LinesView
from cmcore.events import EventKind
from cmcore.runtime.states import NodeState
from tests.unit.cli.test_board import event


def test_a_node_that_publishes_two_outputs_is_shown_once_for_each_of_its_states(
    capsys: pytest.CaptureFixture[str],
) -> None:
    view = LinesView()
    view.begin({"a": NodeState.WAITING}, {})
    for each in (
        event(EventKind.ATTEMPT_SUBMITTED, 10.0),
        event(EventKind.ARTIFACT_PUBLISHED, 11.0, key="x"),
        event(EventKind.ARTIFACT_PUBLISHED, 11.0, key="y"),
        event(EventKind.NODE_FINISHED, 12.0, state="COMPLETE"),
    ):
        view.hear(each)
    told = capsys.readouterr().out
    assert (told.count("RUNNING"), told.count("COMPLETE")) == (1, 1)


def test_the_first_line_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    LinesView("in project /p").hear(event(EventKind.RUN_STARTED, node=""))
    assert capsys.readouterr().out == "started r in project /p\n"


def test_a_run_in_the_current_folders_own_project_needs_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert words_for_place(tmp_path, is_new=False) == ""


def test_a_new_project_is_told_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert words_for_place(tmp_path, is_new=True) == f"in new project {tmp_path}"
