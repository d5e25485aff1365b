"""Resuming in a process of its own: the project's types are found, and a partial run stays on what it reused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cmcore import Project

pytestmark = pytest.mark.integration

CM = Path(sys.executable).with_name("cm")
MINE = """
from pathlib import Path
from pydantic import BaseModel
from cmcore import OutputDict, Parameter, component


class Settings(BaseModel):
    rate: float = 0.5


@component
def count(n: Parameter[int]) -> OutputDict(counted=int):
    return {"counted": n}


@component
def scale(by: Parameter[int], settings: Parameter[Settings] = Settings()) -> OutputDict(scaled=float):
    if not Path("mended").exists():
        raise RuntimeError("not mended")
    return {"scaled": by * settings.rate}
"""
PIPELINE = """
kind: Pipeline
name: scaling
parameters: {n: {type: int, default: 1}}
nodes:
  count: {component: "mine:count", with: {n: "${params.n}"}}
  scale: {component: "mine:scale", with: {by: "${count.counted}", settings: {rate: 2.0}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    return tmp_path


def cm(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([CM, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def newest_run(folder: Path) -> str:
    with Project(folder) as project:
        return project.ledger.runs.list(limit=1)[0].run


def scaled(folder: Path, run: str) -> object:
    with Project(folder) as project:
        published = [it for it in project.lineage.executions(run) if it.node == "scale" and it.state.published]
        return published[0].outputs[0].artifact.facts["value"]


def test_a_resume_finds_the_projects_own_types(folder: Path) -> None:
    assert cm(folder, "run", "pipeline.yaml").returncode == 1
    (folder / "mended").touch()
    resumed = cm(folder, "resume", newest_run(folder))
    assert (resumed.returncode, scaled(folder, newest_run(folder))) == (0, 2.0), resumed.stdout + resumed.stderr


def test_a_partial_run_is_resumed_on_the_outputs_that_it_began_with(folder: Path) -> None:
    cm(folder, "run", "pipeline.yaml", "--set", "n=1")
    cm(folder, "run", "pipeline.yaml", "--set", "n=1", "--only", "scale")
    partial = newest_run(folder)
    cm(folder, "run", "pipeline.yaml", "--set", "n=7")
    (folder / "mended").touch()
    resumed = cm(folder, "resume", partial)
    assert (resumed.returncode, scaled(folder, partial)) == (0, 2.0), resumed.stdout + resumed.stderr
