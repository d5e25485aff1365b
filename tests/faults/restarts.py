"""Scenario: the metadata server is stopped and killed in the middle of runs, again and again."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.faults.inspector import Inspector, runs_of
from tests.faults.processes import Place, answers, belonging, clear, new_place, orphans, start
from tests.faults.servers import SERVERS, NotInstalledError, Server
from tests.faults.tally import LOST, ORPHAN, OTHER, Tally


def server_restarts(folder: Path, kind: str, count: int, seed: int) -> Tally:
    """`count` restarts of one server, half of them by SIGKILL, under one driver that goes from run to run."""
    tally = Tally(name=f"restarts of {kind}")
    try:
        with SERVERS[kind]() as server:
            restarted(tally, folder / kind, server, count, random.Random(seed))
    except NotInstalledError as error:
        tally.skipped = str(error)
    return tally


def restarted(tally: Tally, folder: Path, server: Server, count: int, chance: random.Random) -> None:
    """The driver runs until it finds the word `stop`; until then the server comes and goes."""
    url = server.new_url()
    place = new_place(folder, settings=f"stack:\n  lineage: {url}\n")
    driver = start(place, "run", "s", "0")
    try:
        while not (place.outside / "calls").exists() and driver.poll() is None:
            time.sleep(0.05)  # ML-Metadata makes its tables first; MariaDB cannot undo that half-way
        for number in range(count):
            time.sleep(chance.uniform(0.2, 1.2))
            if driver.poll() is not None:
                break
            server.stop(signal.SIGKILL if number % 2 else server.fast)
            time.sleep(chance.choice([0.0, 0.0, 0.3, 2.0]))
            server.start()
            tally.done["restarts" if number % 2 == 0 else "SIGKILLs and restarts"] += 1
            if number % 4 == 3:
                tally.done["SIGKILLs of the store's process"] += kill_store(place)
        (place.folder / "stop").touch()
        said = answers(driver)
        judge(tally, said, driver.returncode)
        runs = list(runs_of(place))
        tally.done["runs"] = len(runs)
        for pid, command in orphans(place).items():
            tally.blame(ORPHAN, f"process {pid} outlived the driver: {command}")
        with Inspector() as inspector:
            tally.found(inspector.violations(place, runs, url))
    finally:
        driver.kill()
        clear(place)


def kill_store(place: Place) -> int:
    """Kill the driver's child that holds the connection to the server, as a crash of its library would."""
    found = [pid for pid, command in belonging(place).items() if "cmcore.lineage.child" in command]
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def judge(tally: Tally, said: list[dict[str, object]], code: int) -> None:
    """The driver has survived and every run has succeeded."""
    if code != 0:
        tally.blame(OTHER, f"the driver ended with exit code {code}: {said[-1:]}")
    for answer in said:
        if answer.get("state") != "SUCCEEDED":
            tally.blame(LOST, f"a run did not succeed: {answer}")
    restarts = [each["restarts"] for each in said if "restarts" in each]
    counted = tally.done["restarts of the store's process"] = int(str(restarts[-1])) if restarts else 0
    if counted < tally.done["SIGKILLs of the store's process"]:
        tally.blame(OTHER, f"the store's process was killed more often than restarts were counted: {counted}")
