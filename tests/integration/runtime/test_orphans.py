"""Nobody outlives a run: not when its driver is killed, not when it is cancelled, not when its warden dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from cmcore import Project
from cmcore.runtime.driver import Driver
from cmcore.runtime.run import RunResult
from cmcore.runtime.states import NodeState, RunState
from cmcore.stack import RunOptions

pytestmark = pytest.mark.integration

PIDS = ("worker", "warden", "far", "near", "orphan")
DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import lingering
from cmcore import Project
with Project(sys.argv[1], environment={}) as project:
    project.run(lingering.lingering, {"folder": sys.argv[2]}, source=Path(lingering.__file__))
"""


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A driver of its own whose one component lingers; everything has started when this returns."""
    (tmp_path / "pids").mkdir()
    workload = str(Path(__file__).parent / "workload")
    process = subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path), str(tmp_path / "pids"), workload])
    wait_for(tmp_path / "pids" / "ready")
    yield process
    process.kill()
    process.wait()


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.01)


def pid_of(tmp_path: Path, name: str) -> int:
    return int((tmp_path / "pids" / name).read_text())


def test_after_a_killed_driver_nobody_is_left(
    driver: subprocess.Popen[bytes], tmp_path: Path, gone: Callable[[int], bool]
) -> None:
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert {name: gone(pid_of(tmp_path, name)) for name in PIDS} == dict.fromkeys(PIDS, True)


def test_after_a_killed_worker_the_run_goes_on_without_what_it_left(
    driver: subprocess.Popen[bytes], tmp_path: Path, gone: Callable[[int], bool]
) -> None:
    os.kill(pid_of(tmp_path, "worker"), signal.SIGKILL)
    assert (driver.wait(10), [name for name in PIDS if not gone(pid_of(tmp_path, name))]) == (0, [])


def test_a_run_whose_warden_died_ends_with_a_failure(driver: subprocess.Popen[bytes], tmp_path: Path) -> None:
    os.kill(pid_of(tmp_path, "warden"), signal.SIGKILL)
    assert driver.wait(10) == 0


@pytest.fixture
def cancelled(project: Project, workload: Callable[[str], ModuleType], tmp_path: Path) -> Callable[[str], RunResult]:
    """A run that is cancelled once its first component has started."""
    (tmp_path / "pids").mkdir()
    module = workload("lingering")

    @contextmanager
    def interruptible(driver: Driver) -> Iterator[None]:
        def cancel() -> None:
            wait_for(tmp_path / "pids" / "ready")
            driver.cancel("Ctrl-C")
            time.sleep(0.3)
            driver.stop_at_once()

        thread = threading.Thread(target=cancel)
        thread.start()
        yield
        thread.join()

    def run(name: str) -> RunResult:
        options = RunOptions(interruptible=interruptible)
        parameters = {"folder": str(tmp_path / "pids")}
        return project.run(vars(module)[name], parameters, source=Path(module.__file__), options=options)

    return run


def test_a_cancelled_run_leaves_nobody(
    cancelled: Callable[[str], RunResult], tmp_path: Path, gone: Callable[[int], bool]
) -> None:
    cancelled("lingering")
    assert [name for name in PIDS if not gone(pid_of(tmp_path, name))] == []


def test_what_did_not_stop_by_itself_is_recorded_as_canceled(
    cancelled: Callable[[str], RunResult], project: Project
) -> None:
    result = cancelled("lingering")
    (record,) = project.lineage.executions(result.run)
    assert (result.state, record.state, record.facts["failure.code"]) == (RunState.CANCELED, "CANCELED", "CANCELED")


def test_what_stopped_when_asked_is_published_and_the_rest_canceled(cancelled: Callable[[str], RunResult]) -> None:
    result = cancelled("finishing")
    assert [node.state for node in result.nodes.values()] == [NodeState.COMPLETE, NodeState.CANCELED]
