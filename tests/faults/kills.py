"""Scenario: drivers killed at random moments, and resumed until they are done."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from statistics import median

from tests.faults.inspector import Inspector, runs_of
from tests.faults.lane import RESUMES_MAX, Lane, lanes_in
from tests.faults.processes import Place, Process, answers, belonging, kill, start
from tests.faults.tally import LOST, Tally

TARGETS = ("driver", "driver", "driver", "driver", "group", "group", "warden", "worker")
START_UP_SHARE, AGAIN_SHARE = 0.25, 0.6
CALIBRATION_ROUNDS = 8
RUN, REST, RESUME = "run", "rest", "resume"


def random_kills(folder: Path, count: int, seed: int, lanes: int = 2) -> Tally:
    """SIGKILLs of drivers and their process groups at random moments until `count` of them have met a recorded run.

    Those that come sooner are counted beside, as are the kills of wardens and workers.
    """
    tally = Tally(name="kills at random moments")

    def rounds(lane: Lane) -> None:
        number = 0
        while tally.done["SIGKILLs"] < count:
            if number % CALIBRATION_ROUNDS == 0:
                calibrate(lane)
            one_round(lane)
            number += 1
        lane.drop()

    with Inspector() as inspector, ThreadPoolExecutor(lanes) as pool:
        list(pool.map(rounds, lanes_in(folder, lanes, tally, inspector, seed)))
    return tally


def calibrate(lane: Lane) -> None:
    """See how long a driver needs when nobody kills it, on the machine as it is now."""
    place = lane.project()
    known, began = runs_of(place), time.monotonic()
    process = start(place, RUN, f"s{lane.chance.getrandbits(40):x}")
    wait_for_run(place, known, process)
    recorded = time.monotonic()
    answers(process)
    ended = time.monotonic()
    lane.lives_s[RUN] = [ended - began]
    lane.lives_s[REST] = [ended - recorded]
    lane.lives_s.setdefault(RESUME, [ended - began])


def wait_for_run(place: Place, known: Collection[str], process: Process) -> None:
    """Until the new run is recorded, or its driver ended."""
    while process.poll() is None and len(runs_of(place)) == len(known):
        time.sleep(0.01)


def one_round(lane: Lane) -> None:
    """Start a run, kill what drives it again and again, resume it until it is done, look at it."""
    place = lane.project()
    known = runs_of(place)
    kills = killed_or_ended(lane, place, RUN, f"s{lane.chance.getrandbits(40):x}")
    new = [run for run in runs_of(place) if run not in known]
    if not new:
        lane.count("more before their run was recorded", kills)
        return
    for turn in range(RESUMES_MAX):
        if runs_of(place)[new[0]] == "SUCCEEDED":
            break
        lane.count("resumes")
        if turn < RESUMES_MAX // 2 and lane.chance.random() < AGAIN_SHARE:
            kills += killed_or_ended(lane, place, RESUME, new[0])
        else:
            resumed_to_the_end(lane, place, new[0])
    lane.count("SIGKILLs", kills)
    lane.verify(new[0])


def resumed_to_the_end(lane: Lane, place: Place, run: str) -> None:
    """A resume that nobody kills has to complete the run."""
    process, began = start(place, RESUME, run), time.monotonic()
    said = answers(process)
    lane.lives_s[RESUME] = [*lane.lives_s[RESUME][-4:], time.monotonic() - began]
    if process.returncode != 0:
        lane.blame(LOST, f"{run} was not completed by a resume: {said}")


def killed_or_ended(lane: Lane, place: Place, verb: str, word: str) -> int:
    """Start a driver and kill at a moment of chance within its usual life; 1 if it was the driver that was killed."""
    known = runs_of(place)
    process, phase = start(place, verb, word), verb
    if verb == RUN and lane.chance.random() > START_UP_SHARE:
        wait_for_run(place, known, process)
        phase = REST
    try:
        process.wait(lane.chance.uniform(0, median(lane.lives_s[phase])))
    except subprocess.TimeoutExpired:
        return killed(lane, place, process)
    answers(process)
    lane.count("more that ended before their moment")
    return 0


def killed(lane: Lane, place: Place, process: Process) -> int:
    """Kill the driver, its group, or a process that works for it; whatever it was, nothing may be left in the end."""
    target = lane.chance.choice(TARGETS)
    if target in ("warden", "worker"):
        killed_below(lane, place, process, target)
        return 0
    kill(process, group=target == "group")
    answers(process)
    lane.look_for_orphans(f"a SIGKILL of the {target}")
    return 1


def killed_below(lane: Lane, place: Place, process: Process, target: str) -> None:
    """Kill the warden or one of its children; the driver has to see to it, and may fail the run."""
    wardens = sorted(pid for pid, command in belonging(place).items() if "cmcore.runtime.warden" in command)
    victims = wardens[:1] if target == "warden" else wardens[1:]
    if victims:
        with suppress(ProcessLookupError):
            os.kill(lane.chance.choice(victims), signal.SIGKILL)
            lane.count(f"more of {target}s")
    answers(process)
    lane.look_for_orphans(f"a SIGKILL of a {target}")
