"""`cm tracking` and `cm tracking deliver` as people and scripts use them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cmcore import Project
from cmcore.registry.names import Reference

if TYPE_CHECKING:
    from tests.integration.tracking.conftest import Place

pytestmark = pytest.mark.integration
EMPTY = """
from cmcore import component, pipeline


@component
def nothing() -> None:
    pass


@pipeline
def empty() -> None:
    nothing()
"""
CM = str(Path(sys.executable).with_name("cm"))


def said(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What a command printed."""
    return subprocess.run(
        [CM, *arguments],
        cwd=place.folder,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_project_without_trackers_says_so(place: Place) -> None:
    (place.folder / "cm.yaml").write_text("kind: Project\nname: demo\n")
    assert "no trackers; name one in cm.yaml under stack.trackers" in said(place, "tracking").stdout


def test_what_waits_is_counted(place: Place) -> None:
    place.log("run-1", "run-2")
    assert json.loads(said(place, "tracking", "--json").stdout)[0]["waiting"] == 2


def test_what_waits_is_delivered(place: Place) -> None:
    place.log("run-1", "run-2")
    told = said(place, "tracking", "deliver")
    assert (told.returncode, told.stdout, place.written) == (0, "diary: delivered 2 events\n", [1, 2])


def test_nothing_to_deliver_is_no_failure(place: Place) -> None:
    assert said(place, "tracking", "deliver").returncode == 0


def test_a_tracker_that_stays_down_is_given_up_in_time(place: Place) -> None:
    place.log("run-1")
    place.feel("down")
    told = said(place, "tracking", "deliver", "--timeout", "2")
    assert (told.returncode, told.stdout) == (69, "diary: delivered 0 events, 1 waiting: the diary is locked\n")


def test_why_a_tracker_cannot_go_on_is_in_the_table(place: Place) -> None:
    place.log("run-1")
    place.feel("down")
    said(place, "tracking", "deliver", "--timeout", "2")
    assert "the diary is locked (since" in said(place, "tracking").stdout


def test_a_tracker_that_comes_back_in_time_gets_everything(place: Place) -> None:
    place.log("run-1")
    place.feel("down")
    process = subprocess.Popen(
        [CM, "tracking", "deliver"], cwd=place.folder, env=place.environment, stdout=subprocess.PIPE, text=True
    )
    time.sleep(1.5)
    place.feel("")
    printed, _ = process.communicate(timeout=60)
    assert (process.returncode, printed) == (0, "diary: delivered 1 event\n")


def test_following_delivers_what_comes_until_it_is_interrupted(place: Place) -> None:
    process = subprocess.Popen(
        [CM, "tracking", "deliver", "--follow"],
        cwd=place.folder,
        env=place.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(1.5)
    place.log("run-1")
    give_up_at = time.monotonic() + 20
    while not place.written and time.monotonic() < give_up_at:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert (process.returncode, printed) == (0, "diary: delivered 1 event\n")


def test_what_was_passed_over_is_counted_and_its_file_named(place: Place) -> None:
    place.log("run-1", "unspeakable")
    said(place, "tracking", "deliver")
    assert f"passed over, and why: {place.book.faults}" in said(place, "tracking").stdout


def test_a_tracker_that_the_project_does_not_have_is_refused(place: Place) -> None:
    told = said(place, "tracking", "deliver", "--tracker", "mlflow")
    assert (told.returncode, "no tracker 'mlflow'; stack.trackers names diary" in told.stderr) == (78, True)


def test_a_tracker_that_no_plugin_gives_is_refused_before_anything_runs(place: Place) -> None:
    (place.folder / "cm.yaml").write_text("kind: Project\nname: demo\nstack:\n  trackers:\n    - name: dairy\n")
    (place.folder / "empty.py").write_text(EMPTY)
    told = said(place, "run", "empty.py")
    assert ("'dairy'" in told.stderr, told.returncode, said(place, "runs", "--json").stdout) == (True, 78, "[]\n")


def test_what_is_changed_outside_a_run_is_delivered_by_itself(place: Place) -> None:
    with Project(place.folder, environment=place.environment) as project:
        project.registry.create("flights")
        project.registry.note(Reference(model="flights"), "first")
    before = len(place.written)
    assert said(place, "note", "flights", "second").returncode == 0
    deadline = time.monotonic() + 20
    while len(place.written) < before + 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert place.written == [1, 2, 3]
