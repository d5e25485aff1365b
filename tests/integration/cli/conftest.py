"""A tiny project in a temporary folder, and `cm` as a process of its own in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import pytest

PROJECT = Path(__file__).parent / "project"
COMMAND = [sys.executable, "-m", "cmcore.cli.main"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("CM_")}


@dataclass(frozen=True, kw_only=True)
class Shell:
    """A folder in which `cm` is called."""

    folder: Path

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Call `cm` and wait for it."""
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=ENVIRONMENT | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def json(self, *arguments: str) -> object:
        """What a command with --json printed."""
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def result(self, *arguments: str) -> dict[str, object]:
        """The last line of a run with --json."""
        done = self("run", *arguments, "--json")
        result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
        return result

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """Call `cm` and do not wait."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@pytest.fixture
def cm(tmp_path: Path) -> Shell:
    """A fresh project."""
    return Shell(folder=copytree(PROJECT, tmp_path / "project"))


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A project in which the pipeline has run once; tests only look at it."""
    shell = Shell(folder=copytree(PROJECT, tmp_path_factory.mktemp("done") / "project"))
    ran = shell("run", "greet.py")
    assert ran.returncode == 0, ran.stderr
    return shell


@pytest.fixture(scope="session")
def run(done: Shell) -> str:
    """The name of that run."""
    found = done.json("runs")
    assert isinstance(found, list)
    return str(found[0]["run"])


@pytest.fixture
def spawned() -> Iterator[Callable[[subprocess.Popen[str]], subprocess.Popen[str]]]:
    """Processes that are killed at the end if a test leaves them."""
    processes: list[subprocess.Popen[str]] = []

    def keep(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
        processes.append(process)
        return process

    yield keep
    for process in processes:
        process.kill()
        process.communicate()
