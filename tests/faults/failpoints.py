"""Scenario: drivers and workers killed at every named place, and resumed until they are done."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cmcore.failpoint import NAMES
from tests.faults.inspector import Inspector, runs_of
from tests.faults.lane import RESUMES_MAX, Lane, lanes_in
from tests.faults.processes import Place, Process, answers, start
from tests.faults.tally import LOST, OTHER, Tally

IN_WORKERS = ("payload-written", "manifest-written")
PASSES = {"run-created": 1, "run-recorded": 1, "run-finishing": 1, "payload-written": 3, "manifest-written": 3}
NODES = 6


def failpoint_kills(folder: Path, every_pass: bool, lanes: int = 2) -> Tally:
    """One kill at each named place; with `every_pass` at each of its passes, and once more in the resume."""
    tally = Tally(name="kills at named places")
    cases = [(name, nth) for name in NAMES for nth in passes(name, every_pass)]

    def share(lane: Lane) -> None:
        for name, nth in cases[int(lane.folder.name[-1]) :: lanes]:
            at_failpoint(lane, name, nth, again=every_pass)
        lane.drop()

    with Inspector() as inspector, ThreadPoolExecutor(lanes) as pool:
        list(pool.map(share, lanes_in(folder, lanes, tally, inspector, seed=0)))
    return tally


def passes(name: str, every_pass: bool) -> list[int]:
    """Which passes of a place are killed."""
    count = PASSES.get(name, NODES)
    return list(range(1, count + 1)) if every_pass else sorted({1, min(4, count)})


def at_failpoint(lane: Lane, name: str, nth: int, *, again: bool) -> None:
    """Kill at one pass of one place, resume until done."""
    place = lane.project()
    before = runs_of(place)
    more = {"CM_FAILPOINT": f"{name}:{nth}", "FAULTS_PAUSE_S": "0"}
    meet(lane, place, start(place, "run", f"{name}-{nth}", more=more), f"{name}:{nth}")
    run = next(run for run in runs_of(place) if run not in before)
    if again:
        meet(lane, place, start(place, "resume", run, more=more | {"CM_FAILPOINT": name}), name, sure=False)
    for _ in range(RESUMES_MAX):
        if runs_of(place)[run] == "SUCCEEDED":
            break
        lane.count("resumes")
        said = answers(resumed := start(place, "resume", run, more={"FAULTS_PAUSE_S": "0"}))
        if resumed.returncode != 0:
            lane.blame(LOST, f"{run} was not completed by a resume after {name}:{nth}: {said}")
    lane.verify(run)


def meet(lane: Lane, place: Place, process: Process, where: str, *, sure: bool = True) -> None:
    """Wait for the death at a named place; `sure` says that it must be met."""
    said = answers(process)
    died = process.returncode == -signal.SIGKILL
    if where.partition(":")[0] in IN_WORKERS:
        died = any("SIGKILL" in str(each) for each in said)
    lane.count("kills", int(died))
    if sure and not died:
        lane.blame(OTHER, f"nothing died at {where}: exit code {process.returncode}, {said}")
    lane.look_for_orphans(f"a kill at {where}")
