"""Scenarios: many drivers in one project, two drivers for one run, a driver that sleeps longer than its lease."""

from __future__ import annotations

import os
import signal
import time
from contextlib import nullcontext
from pathlib import Path

from cmcore.failpoint import NAMES
from tests.faults.failpoints import IN_WORKERS
from tests.faults.inspector import Inspector, runs_of
from tests.faults.processes import Place, Process, answers, clear, new_place, orphans, start
from tests.faults.servers import SERVERS, NotInstalledError
from tests.faults.tally import DUPLICATED, LOST, ORPHAN, OTHER, Tally

AT_ONCE = {"FAULTS_PAUSE_S": "0"}
REFUSED = 75
TTL_S = 1.5
ASLEEP_WITHIN_S = 30.0


def many_drivers(folder: Path, kind: str, drivers: int, runs: int) -> Tally:
    """All start at once in a fresh project: its databases are made, its types registered, by all of them."""
    tally = Tally(name=f"{drivers} drivers on {kind}")
    try:
        with SERVERS[kind]() if kind in SERVERS else nullcontext() as server:
            url = server.new_url() if server else ""
            place = new_place(folder / kind, settings=f"stack:\n  lineage: {url}\n" if url else "")
            started = [start(place, "run", f"d{number}", str(runs), more=AT_ONCE) for number in range(drivers)]
            for driver in started:
                said = answers(driver, timeout_s=600.0)
                done = [answer for answer in said if answer.get("state") == "SUCCEEDED"]
                tally.done["runs"] += len(done)
                if len(done) != runs or driver.returncode != 0:
                    tally.blame(LOST, f"a driver did {len(done)} of {runs} runs and ended with {said[-1:]}")
            look(tally, place, url)
    except NotInstalledError as error:
        tally.skipped = str(error)
    return tally


def look(tally: Tally, place: Place, url: str = "") -> None:
    """What is left alive, and what the databases say of all runs."""
    for pid, command in orphans(place).items():
        tally.blame(ORPHAN, f"process {pid} outlived its driver: {command}")
    clear(place)
    with Inspector() as inspector:
        tally.found(inspector.violations(place, list(runs_of(place)), url))


def two_resumes(folder: Path, rounds: int) -> Tally:
    """A killed run is resumed twice at once: one of the two is refused, and is told by whom."""
    tally = Tally(name="two resumes at once")
    place = new_place(folder / "resumed")
    for number in range(rounds):
        answers(start(place, "run", f"s{number}", more=AT_ONCE | {"CM_FAILPOINT": "node-journaled:2"}))
        run = list(runs_of(place))[-1]
        pair = [start(place, "resume", run, more={"FAULTS_PAUSE_S": "0.2"}) for _ in range(2)]
        said = [answers(each) for each in pair]
        codes = sorted(each.returncode for each in pair)
        tally.done["pairs"] += 1
        if codes != [0, REFUSED]:
            tally.blame(OTHER, f"{run}: exit codes {codes}, wanted 0 and {REFUSED}: {said}")
            continue
        refused = next(number for number, each in enumerate(pair) if each.returncode == REFUSED)
        holder = pair[1 - refused].pid
        tally.done["refusals that name the holder"] += 1
        if f"pid {holder}" not in str(said[refused][-1].get("message")):
            tally.blame(OTHER, f"{run}: the refusal does not name process {holder}: {said[refused]}")
    look(tally, place)
    return tally


def sleeping_drivers(folder: Path, every_place: bool) -> Tally:
    """A driver is stopped at a named place for longer than its lease; another takes over; the first wakes up.

    It wakes once after the other is done, and once while the other is still at work.
    """
    tally = Tally(name="drivers that sleep past their lease")
    place = new_place(folder / "asleep", settings=f"run:\n  lease_ttl_s: {TTL_S}\n")
    names = [name for name in NAMES if name not in IN_WORKERS]
    for name in names if every_place else ["attempt-journaled", "outcome-received"]:
        for wakes_early in (False, True):
            nth = "1" if name.startswith("run-") else "3"
            asleep(tally, place, f"{name}:{nth}", wakes_early=wakes_early)
    look(tally, place)
    return tally


def asleep(tally: Tally, place: Place, where: str, *, wakes_early: bool) -> None:
    """One sleeper and its successor."""
    before = runs_of(place)
    sleeper = start(place, "run", f"{where} {wakes_early}", more={"CM_FAILPOINT": f"{where}:SIGSTOP"})
    try:
        if not stopped(sleeper):
            tally.blame(OTHER, f"nothing stopped at {where}")
            return
        time.sleep(TTL_S + 0.2)
        run = next(run for run in runs_of(place) if run not in before)
        successor = start(place, "resume", run, more={"FAULTS_PAUSE_S": "0.3" if wakes_early else "0"})
        if wakes_early:
            time.sleep(1.2)
            os.kill(sleeper.pid, signal.SIGCONT)
        said = answers(successor)
        os.kill(sleeper.pid, signal.SIGCONT)
        last_words = answers(sleeper, timeout_s=30.0)
        tally.done["sleepers"] += 1
        if successor.returncode != 0:
            tally.blame(LOST, f"{where}: the successor did not complete the run: {said}")
        if sleeper.returncode != REFUSED:
            tally.blame(
                DUPLICATED, f"{where}: the sleeper ended with {sleeper.returncode}, not {REFUSED}: {last_words}"
            )
    finally:
        sleeper.kill()
        sleeper.wait()


def stopped(process: Process) -> bool:
    """Wait until the process is stopped; False if it ended or went on."""
    give_up_at = time.monotonic() + ASLEEP_WITHIN_S
    while process.poll() is None and time.monotonic() < give_up_at:
        if Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            return True
        time.sleep(0.02)
    return False
