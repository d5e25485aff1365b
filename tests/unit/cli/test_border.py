"""Every error becomes a message and an exit code."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from cmcore.cli.border import guarded, problem_line
from cmcore.errors import DocumentError, LeaseHeldError, Problem


def failing(error: BaseException) -> click.Group:
    """A group that raises."""

    @click.group(invoke_without_command=True)
    def group() -> None:
        raise error

    return group


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LeaseHeldError("bob has it"), 75),
        (DocumentError([Problem(message="wrong")]), 65),
        (click.UsageError("what?"), 64),
        (click.exceptions.Exit(3), 3),
        (KeyboardInterrupt(), 130),
        (click.exceptions.Abort(), 130),
        (ZeroDivisionError("oh"), 70),
    ],
)
def test_exit_code(error: BaseException, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".cm").mkdir()
    assert guarded(failing(error), []) == code


def test_every_problem_is_shown_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    problems = [Problem(message="a", file="x", line=1, column=2), Problem(message="b", path="$.c", hint="d?")]
    guarded(failing(DocumentError(problems)), [])
    assert capsys.readouterr().err == "x:1:2: a\nb @ $.c (d?)\nerror: 2 problems\n"


def test_a_defect_is_one_line_and_its_traceback_lies_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".cm").mkdir()
    guarded(failing(ZeroDivisionError("oh")), [])
    (crash,) = (tmp_path / ".cm" / "crashes").iterdir()
    told = capsys.readouterr().err
    assert ("Traceback" in told, "Traceback" in crash.read_text(), str(crash) in told) == (False, True, True)


def test_a_problem_without_a_place_is_its_message() -> None:
    assert problem_line(Problem(message="wrong")) == "wrong"
