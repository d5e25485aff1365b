"""A tiny project in a temporary folder, `cm` as a process of its own in it, and state databases on both servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cmcore.retention.tables import RETENTION_BRANCH
from cmcore.stack import Project
from cmcore.state.database import StateDatabase
from cmcore.state.migration import STATE_BRANCH
from tests.integration.state.conftest import postgres, url

__all__ = ["postgres", "url"]

PIPELINE = """
import time
from pathlib import Path

from cmcore import InputArtifact, OutputArtifact, Parameter, component, pipeline
from cmcore.artifacts import Evaluation, Files, Model


@component
def split(data: OutputArtifact[Files], rows: Parameter[int]) -> None:
    with data.open("rows.txt", "w") as stream:
        stream.write("x" * rows)


@component
def train(data: InputArtifact[Files], model: OutputArtifact[Model]) -> None:
    if Path("broken").exists():
        raise RuntimeError("as asked")
    with data.open("rows.txt") as stream, model.open("model.txt", "wb") as out:
        out.write(stream.read())


@component
def evaluate(model: InputArtifact[Model], evaluation: OutputArtifact[Evaluation]) -> None:
    while Path("hold").exists():
        time.sleep(0.05)
    with evaluation.open("evaluation.json", "w") as out:
        out.write("{}")


@pipeline
def flights(rows: int = 1) -> None:
    evaluate(model=train(data=split(rows=rows).data).model)
"""
COMMAND = [sys.executable, "-m", "cmcore.cli.main"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("CM_")}


@dataclass(frozen=True, kw_only=True)
class Shell:
    """A folder in which `cm` is called."""

    folder: Path

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Call `cm` and wait for it."""
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def run(self, *arguments: str) -> dict[str, object]:
        """The result of a run, or of going on with one."""
        done = self(*(arguments if arguments[:1] == ("resume",) else ("run", "flights.py", *arguments)), "--json")
        result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
        return result

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """Call `cm` and do not wait."""
        return subprocess.Popen(
            [*COMMAND, *arguments], cwd=self.folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip

    def gone(self, *arguments: str) -> set[str]:
        """The artifacts that `cm gc --expired` names, without their run."""
        done = self("gc", "--expired", "--keep-days", "0", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return {name for item in json.loads(done.stdout) for name in item["artifacts"]}

    def project(self) -> Project:
        """The project as a library sees it."""
        return Project(self.folder, environment={})


@pytest.fixture
def cm(tmp_path: Path) -> Shell:
    """A fresh project."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "flights.py").write_text(PIPELINE)
    return Shell(folder=folder)


@pytest.fixture
def database(url: str) -> Iterator[StateDatabase]:
    """A fresh state database with the table of pins, on either kind."""
    database = StateDatabase.open(url, branches=[STATE_BRANCH, RETENTION_BRANCH])
    yield database
    database.close()
