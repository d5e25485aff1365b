"""`cm run` and `cm resume` as processes: exit codes, what is printed, interruption."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest

from tests.integration.cli.conftest import COMMAND, ENVIRONMENT, PROJECT, Shell

pytestmark = pytest.mark.integration
Keep = Callable[[subprocess.Popen[str]], subprocess.Popen[str]]


def test_a_run_that_succeeds_exits_with_zero_and_shows_values_of_leaf_nodes(cm: Shell) -> None:
    done = cm("run", "greet.py")
    assert (done.returncode, "length.letters  Integer  11" in done.stdout) == (0, True), done.stdout + done.stderr


def test_the_second_run_executes_nothing(cm: Shell) -> None:
    cm("run", "greet.py")
    assert cm.result("greet.py")["counts"] == {
        "executed": 0, "resolved": 0, "cached": 3, "reused": 0, "failed": 0, "canceled": 0, "skipped": 0,
        "running": 0, "waiting": 0,
    }  # fmt: skip


def test_runs_say_that_the_second_run_executed_nothing(cm: Shell) -> None:
    cm("run", "greet.py")
    cm("run", "greet.py")
    found = cm.json("runs")
    assert isinstance(found, list)
    assert [(run["executed"], run["cached"]) for run in found] == [(0, 3), (3, 0)]


def test_json_is_one_event_per_line_and_the_result_last(cm: Shell) -> None:
    lines = [json.loads(line) for line in cm("run", "greet.py", "--json").stdout.splitlines()]
    assert (lines[0]["kind"], lines[-1]["kind"], lines[-1]["state"]) == ("run.started", "result", "SUCCEEDED")


def test_a_failed_run_exits_with_one(cm: Shell) -> None:
    assert cm("run", "greet.py", "--set", "mode=fail").returncode == 1


@pytest.mark.parametrize(
    "said",
    [
        "greeting  RAISED  ValueError: no words",
        "greet.py:25 in greeting",
        "input examples  file://",
        "cm run greet.py --set mode=fail --only greeting --in-process --pdb",
        "once it is mended; what is done is found in the cache",
        "SKIPPED     node 'greeting' is FAILED",
    ],
)
def test_a_failure_names(said: str, failed: str) -> None:
    assert said in failed


@pytest.fixture(scope="session")
def failed(tmp_path_factory: pytest.TempPathFactory) -> str:
    shell = Shell(folder=copytree(PROJECT, tmp_path_factory.mktemp("failed") / "project"))
    return shell("run", "greet.py", "--set", "mode=fail").stdout


def test_only_takes_the_inputs_of_earlier_runs(cm: Shell) -> None:
    cm("run", "greet.py")
    result = cm.result("greet.py", "--only", "length", "--refresh")
    nodes = result["nodes"]
    assert isinstance(nodes, dict)
    assert {name: node["state"] for name, node in nodes.items()} == {
        "name": "REUSED",
        "greeting": "REUSED",
        "length": "COMPLETE",
    }


def test_only_refuses_a_node_that_is_not_there_and_says_what_was_meant(cm: Shell) -> None:
    done = cm("run", "greet.py", "--only", "lenght")
    assert (done.returncode, "did you mean 'length'?" in done.stderr) == (64, True)


def test_a_parameter_that_is_text_stays_text(cm: Shell) -> None:
    assert "length.letters  Integer  10" in cm("run", "greet.py", "--set", "who=1.10").stdout


def test_a_node_in_this_process_prints_here(cm: Shell) -> None:
    assert "the greeting is being written" in cm("run", "greet.py", "--in-process").stdout


def test_no_cache_runs_every_node_again(cm: Shell) -> None:
    cm("run", "greet.py")
    assert dict(cm.result("greet.py", "--no-cache")["counts"])["executed"] == 3  # type: ignore[call-overload] # JSON


def test_a_pipeline_that_is_not_there_is_an_input_that_is_not_there(cm: Shell) -> None:
    assert cm("run", "greeet.py").returncode == 66


def test_a_wrong_document_is_refused_with_position_and_without_a_traceback(cm: Shell) -> None:
    (cm.folder / "bad.yaml").write_text("kind: Pipeline\nname: bad\nnodes:\n  a: {component: 'greet:lenght'}\n")
    done = cm("run", "bad.yaml")
    assert (done.returncode, done.stderr.startswith("bad.yaml:4:18:"), "Traceback" in done.stderr) == (65, True, False)


def test_a_reader_that_goes_away_does_not_stop_the_run(cm: Shell) -> None:
    subprocess.run(f"{shlex.join(COMMAND)} run greet.py | head -n 1", shell=True, cwd=cm.folder, env=ENVIRONMENT)
    found = cm.json("runs")
    assert isinstance(found, list)
    assert found[0]["state"] == "SUCCEEDED"


def waiting(cm: Shell, keep: Keep) -> tuple[subprocess.Popen[str], list[int]]:
    """A run whose second node waits, and the ids of that node's processes."""
    process = keep(cm.started("run", "greet.py", "--set", "mode=wait"))
    pids = cm.folder / "pids"
    deadline = time.monotonic() + 20
    while not (pids.exists() and len(pids.read_text().split()) == 2) and time.monotonic() < deadline:
        time.sleep(0.02)
    return process, [int(pid) for pid in pids.read_text().split()]


def gone(pid: int) -> bool:
    """Whether a process ends within two seconds."""
    stat = Path(f"/proc/{pid}/stat")
    deadline = time.monotonic() + 2
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX":
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_twice_cancels_at_once_and_leaves_no_process(cm: Shell, spawned: Keep, number: signal.Signals) -> None:
    process, pids = waiting(cm, spawned)
    process.send_signal(number)
    time.sleep(0.2)
    process.send_signal(number)
    process.wait(10)
    assert (process.returncode, [gone(pid) for pid in pids]) == (130, [True, True])


def test_a_canceled_run_is_recorded_as_canceled(cm: Shell, spawned: Keep) -> None:
    process, _ = waiting(cm, spawned)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    found = cm.json("runs")
    assert isinstance(found, list)
    assert (found[0]["state"], found[0]["executed"], found[0]["canceled"]) == ("CANCELED", 1, 2)


def test_a_killed_run_is_lost_until_it_is_resumed(cm: Shell, spawned: Keep) -> None:
    process, _ = waiting(cm, spawned)
    process.kill()
    process.communicate(timeout=10)
    found = cm.json("runs")
    assert isinstance(found, list)
    assert found[0]["state"] == "LOST"


def test_a_resumed_run_does_not_run_published_nodes_again(cm: Shell) -> None:
    cm("run", "greet.py", "--set", "mode=fail")
    found = cm.json("runs")
    assert isinstance(found, list)
    lines = cm("resume", found[0]["run"], "--json").stdout.splitlines()
    submitted = [event["node"] for event in map(json.loads, lines) if event["kind"] == "attempt.submitted"]
    assert submitted == ["greeting"]


def test_resuming_what_is_not_there_says_so(done: Shell) -> None:
    assert done("resume", "greet-2020").returncode == 66
