"""CPU and memory of a real worker are read while it works, and kept with the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from cmcore import Project, pipeline
from cmcore.testing.executors import write
from cmcore.tracking.values import Series

pytestmark = pytest.mark.integration


@pytest.fixture
def read(workload: Callable[[str], ModuleType], tmp_path: Path) -> dict[str, float]:
    """The last value of each reading of a run that keeps a core busy."""
    module = workload("busy")

    @pipeline
    def load() -> None:
        module.busy().options(cache="off")

    with Project(tmp_path, environment={"CM_RUN__SYSTEM_METRICS_S": "1.5"}) as project:
        run = project.run(load, source=Path(module.__file__ or "")).check().run
        names = [it.name for it in project.tracking.run(run).series if it.system]
        return {
            name: project.tracking.series(run, Series(node="busy", name=name, system=True))[-1].value for name in names
        }


def test_a_busy_node_shows_its_core_and_its_memory(read: dict[str, float]) -> None:
    assert (read["cpu_percent"] > 20, 5 < read["memory_mib"] < 1000) == (True, True)


def test_a_node_that_is_over_before_the_first_reading_has_none(tmp_path: Path) -> None:
    with Project(tmp_path) as project:
        run = project.run(short).check().run
        assert [it for it in project.tracking.run(run).series if it.system] == []


@pipeline
def short() -> None:
    write(text="short")
