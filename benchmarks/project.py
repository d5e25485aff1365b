"""A fresh project that holds the workloads, and the commands that run one of them or the floor in it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.memory import peak_mib
from benchmarks.process import PYTHON, Usage, measured

WORKLOADS = Path(__file__).parent / "workloads"
CM = str(Path(PYTHON).with_name("cm"))
IMPORTS = "import cmcore.cli.commands.run, cmcore.cli.watch, cmcore.stack, cmcore.lineage.database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A pipeline file and its number of nodes; `options` are those of `cm run`."""

    pipeline: str
    nodes: int
    options: tuple[str, ...] = ()

    @property
    def variables(self) -> dict[str, str]:
        """The environment that it is run in."""
        return {"BENCHMARK_NODES": str(self.nodes)}

    @property
    def command(self) -> list[str]:
        """What runs it, in the project's folder."""
        return [CM, "--project", ".", "run", f"{self.pipeline}.py", *self.options]


@cache
def workplace() -> Path:
    """Where the projects of this process lie until it ends.

    They are not deleted in between: ext4 avoids inodes that were freed minutes ago, so that after the deletion of a
    large tree each mkdir costs up to ten times as much, and the next measurement pays for the one before.
    """
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def fresh_project() -> Iterator[Path]:
    """A folder with the workloads in which nothing has run."""
    folder = Path(tempfile.mkdtemp(dir=workplace()))
    shutil.copytree(WORKLOADS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    yield folder


def first_run(workload: Workload) -> Usage:
    """The whole process of a run in a fresh project."""
    with fresh_project() as project:
        return measured(workload.command, cwd=project, variables=workload.variables)


def cached_run(workload: Workload) -> Usage:
    """The whole process of a second run of what has run before, unchanged."""
    with fresh_project() as project:
        measured(workload.command, cwd=project, variables=workload.variables)
        return measured(workload.command, cwd=project, variables=workload.variables)


def memory_of(workload: Workload) -> float:
    """The most memory in MiB that a run's driver and its children hold together."""
    with fresh_project() as project:
        return peak_mib(workload.command, cwd=project, variables=workload.variables)


def floor_run(count: int, *, worker: bool) -> Usage:
    """The whole process of the floor, or of the bare loop with a worker process."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        flags = ["--worker"] if worker else []
        return measured([PYTHON, "-m", "benchmarks.floor", str(count), folder, *flags])


def imports_run() -> Usage:
    """The whole process that only imports what a run imports."""
    return measured([PYTHON, "-c", IMPORTS])
