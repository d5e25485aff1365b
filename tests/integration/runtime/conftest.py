"""Projects in temporary folders whose workers import from `workload`, and ways to look at processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from cmcore import Project
from cmcore.pipelines.load import import_from

WORKLOAD = Path(__file__).parent / "workload"
ONE_WORKER = {"CM_RUN__WORKERS": "1"}


@pytest.fixture(scope="session")
def workload() -> Callable[[str], ModuleType]:
    """A module of the workload, under the name by which workers import it."""
    import_from([WORKLOAD])
    return import_module


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project(tmp_path, environment=ONE_WORKER) as project:
        yield project


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """Whether a process ends within two seconds."""

    def ends(pid: int) -> bool:
        deadline = time.monotonic() + 2
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        return not alive(pid)

    return ends
