"""Runs of fifty nodes beside a real MLflow server on PostgreSQL that is killed, and couriers that are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cmcore.stack import Project
from cmcore.stack.trackers import books, couriers
from cmcore_mlflow.testing import View
from tests.integration.tracking.mlflow_server import MlflowServer, free_port

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]

CM = str(Path(sys.executable).with_name("cm"))
NODES, STEPS = 50, 10
PIPELINE = f"""
import time
from cmcore import Context, OutputDict, Parameter, component, pipeline

@component
def work(number: Parameter[int], pause_s: Parameter[float], context: Context) -> OutputDict(value=int):
    for step in range({STEPS}):
        context.metric("loss", 1.0 / (step + 1 + number), step=step)
        time.sleep(pause_s / {STEPS})
    context.metric("score", number / 100)
    return {{"value": number}}

@pipeline
def fifty(pause_s: float = 0.0) -> None:
    for number in range({NODES}):
        work(number=number, pause_s=pause_s).named(f"node-{{number:02d}}")
"""
EXPECTED = {
    f"node-{number:02d}": {
        "loss": [(step, 1.0 / (step + 1 + number)) for step in range(STEPS)],
        "score": [(0, number / 100)],
        "value": [(0, float(number))],  # a number that it returns
    }
    for number in range(NODES)
}


@dataclass(frozen=True)
class Place:
    """A project folder with the pipeline."""

    folder: Path

    def settle(self, uri: str, *, patience_s: float = 60.0) -> Place:
        """Have it track to an MLflow."""
        tracker = {"name": "mlflow", "options": {"uri": uri}, "patience_s": patience_s}
        document = {"kind": "Project", "name": self.folder.name, "stack": {"trackers": [tracker]}}
        (self.folder / "cm.yaml").write_text(json.dumps(document))
        return self

    def said(self, *arguments: str) -> tuple[int, str]:
        """The exit code of a command and what it printed."""
        done = subprocess.run([CM, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout

    def run(self, pause_s: float = 0.0, *, option: str = "--refresh") -> dict[str, Any]:
        """What came of a run."""
        return self.result(self.started(pause_s, option=option))

    def started(self, pause_s: float = 0.0, *, option: str = "--refresh") -> subprocess.Popen[bytes]:
        """A run that goes on; it prints more than a pipe holds."""
        with (self.folder / "printed").open("w") as printed:
            return subprocess.Popen(
                [CM, "run", "fifty.py", "--json", option, "--set", f"pause_s={pause_s}"],
                cwd=self.folder, stdout=printed, stderr=subprocess.DEVNULL,
            )  # fmt: skip

    def result(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        """The result of a run that was started, once it has ended: its last line."""
        process.wait(300)
        found: dict[str, Any] = json.loads((self.folder / "printed").read_text().splitlines()[-1])
        return found

    def await_delivered(self, count: int) -> None:
        """Wait until MLflow has got so many events."""
        with Project(self.folder) as project:
            await_count(count, lambda: books(project)[0].cursor())

    def events(self) -> int:
        """How many events there are."""
        with Project(self.folder) as project:
            return books(project)[0].end()

    def await_events(self, count: int) -> None:
        """Wait until there are so many."""
        await_count(count, self.events)


def await_count(count: int, counted: Callable[[], int]) -> None:
    """Wait until there are so many of something."""
    give_up_at = time.monotonic() + 60
    while counted() < count:
        assert time.monotonic() < give_up_at, f"only {counted()} of {count} came"
        time.sleep(0.05)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A project that tracks to nowhere yet."""
    folder = tmp_path / f"demo-{random.randrange(10**9)}"
    folder.mkdir()
    (folder / "fifty.py").write_text(PIPELINE)
    return Place(folder)


def tracked(view: View, run: str) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """The metrics of every node in MLflow; a node that is there twice is there under another name."""
    found: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for seen in view.shown(run):
        if seen.node:
            name = seen.node if seen.node not in found else f"{seen.node} again"
            found[name] = {metric: list(values) for metric, values in seen.metrics.items()}
    return found


def statuses(view: View, run: str) -> list[str]:
    """How the MLflow runs of a run ended."""
    return [found.info.status for found in view.runs(run)]


def test_a_server_killed_and_restarted_mid_run_loses_and_doubles_nothing(place: Place, server: MlflowServer) -> None:
    process = place.settle(server.uri).started(0.8)
    place.await_delivered(40)
    server.kill()
    place.await_events(place.events() + 20)  # the run goes on without the server
    server.start()
    result = place.result(process)
    code, _ = place.said("tracking", "deliver")
    assert (result["state"], code) == ("SUCCEEDED", 0)
    assert tracked(View(server.uri), result["run"]) == EXPECTED
    assert statuses(View(server.uri), result["run"]) == ["FINISHED"] * (NODES + 1)


def test_a_courier_killed_again_and_again_loses_and_doubles_nothing(place: Place, server: MlflowServer) -> None:
    result = place.settle(server.uri, patience_s=0).run()
    with Project(place.folder) as project:
        for _ in range(10):
            sent = couriers(project)
            sent.start()
            before = books(project)[0].cursor()
            give_up_at = time.monotonic() + 30
            while books(project)[0].cursor() < before + 8 and time.monotonic() < give_up_at:
                time.sleep(0.01)
            time.sleep(random.uniform(0, 0.2))
            process = sent._sent[0].process
            assert process is not None
            os.kill(process.pid, signal.SIGKILL)
            sent.close()
    assert place.said("tracking", "deliver")[0] == 0
    assert tracked(View(server.uri), result["run"]) == EXPECTED
    assert statuses(View(server.uri), result["run"]) == ["FINISHED"] * (NODES + 1)


def test_a_server_that_is_never_up_harms_no_run_and_gets_everything_later(place: Place, server: MlflowServer) -> None:
    alone = place.run()
    result = place.settle(f"http://127.0.0.1:{free_port()}").run()
    (status,) = json.loads(place.said("tracking", "--json")[1])
    print(f"alone {alone['duration_s']:.2f} s, no server {result['duration_s']:.2f} s, {status['waiting']} wait")
    place.settle(server.uri)
    began = time.monotonic()
    code, said = place.said("tracking", "deliver")
    print(f"{said.strip()} in {time.monotonic() - began:.1f} s")
    assert (result["state"], code, "Connection refused" in status["trouble"]) == ("SUCCEEDED", 0, True)
    assert status["waiting"] > NODES
    assert tracked(View(server.uri), result["run"]) == EXPECTED


def test_the_nodes_of_a_run_that_was_found_in_the_cache_can_be_told(place: Place, server: MlflowServer) -> None:
    first = place.settle(server.uri).run()
    second = place.run(option="--workers=2")
    place.said("tracking", "deliver")
    tags = View(server.uri).node(second["run"], "node-07").data.tags
    assert (tags["cmcore.state"], tags["cmcore.cached_from"]) == ("CACHED", f"{first['run']}/node-07/1")
