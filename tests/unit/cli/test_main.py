"""The command line as a whole: help, exit codes, and what is not imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import click
import pytest

from cmcore.cli.main import Commands
from cmcore.cli.main import cm as group
from tests.unit.cli.conftest import Said

COMMANDS = list(Commands(name="cm").entries)
HEAVY = "ml_metadata sqlalchemy polars sklearn grpc pydantic rich yaml"
LOOK = f"""
import sys
from cmcore.cli.main import run
run(["--help"])
print([name for name in "{HEAVY}".split() if name in sys.modules])
"""


def test_help_names_every_command(cm: Callable[..., Said]) -> None:
    helped = cm("--help")
    assert [name for name in COMMANDS if f"  {name} " not in helped.out] == []


def test_help_imports_none_of_the_heavy_libraries() -> None:
    looked = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert looked.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_help_gives_an_example(name: str, cm: Callable[..., Said]) -> None:
    assert f"cm {name}" in cm(name, "--help").out.partition("Example")[2]


GROUPS = {
    "cache": ["cache", "why"],
    "config": ["config", "explain"],
    "data": ["data", "list"],
    "plugins": ["plugins", "doctor"],
}


@pytest.mark.parametrize("words", [GROUPS.get(name, [name]) for name in COMMANDS])
def test_each_help_gives_the_exit_codes(words: list[str], cm: Callable[..., Said]) -> None:
    assert "Exit codes: 0 " in cm(*words, "--help").out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_in_the_table_is_how_the_help_begins(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert ((command and command.help) or "").split("\n\n")[0] == Commands(name="cm").entries[name].summary


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--version"], 0),
        (["rnu"], 64),
        (["run"], 64),
        (["run", "--no-such-option", "x.py"], 64),
        (["run", "x.py", "--workers", "0"], 64),
        (["run", "x.py", "--no-cache", "--refresh"], 64),
        (["run", "x.py"], 66),
        (["validate", "x.yaml"], 65),
        (["config", "explain", "run.wrokers"], 78),
        (["components", "Nope"], 64),
        (["--project", "no-such-folder", "runs"], 64),
    ],
)
def test_exit_code(words: list[str], code: int, cm: Callable[..., Said]) -> None:
    assert cm(*words).code == code


def test_an_unknown_command_says_what_was_meant(cm: Callable[..., Said]) -> None:
    assert "did you mean 'run'?" in cm("rnu").err


def test_errors_begin_with_the_word_error(cm: Callable[..., Said]) -> None:
    assert cm("run", "x.py").err.startswith("error: no file 'x.py'")


def test_debug_shows_the_traceback(cm: Callable[..., Said]) -> None:
    assert "Traceback" in cm("--debug", "run", "x.py").err


@pytest.mark.parametrize("words", [[], ["cache"], ["config"]])
def test_a_group_without_a_command_prints_its_help_once_and_no_error(words: list[str], cm: Callable[..., Said]) -> None:
    said = cm(*words)
    assert (said.code, said.err.count("Usage: "), "error:" in said.err) == (64, 1, False)


def test_the_kind_of_a_schema_is_known_in_any_case(cm: Callable[..., Said]) -> None:
    assert cm("schema", "Project").code == 0


@pytest.mark.parametrize("name", ["show", "logs", "resume"])
def test_without_any_run_a_command_about_runs_says_how_to_start_one(name: str, cm: Callable[..., Said]) -> None:
    said = cm(name)
    assert (said.code, "start one: cm run PIPELINE" in said.err) == (66, True)
