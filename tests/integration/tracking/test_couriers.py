"""Couriers as processes: what they deliver, and what becomes of runs and events where they cannot."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cmcore.tracking.courier import HUNG, Errand
from cmcore.tracking.couriers import Couriers, TrackerTally, started

if TYPE_CHECKING:
    from tests.integration.tracking.conftest import Place

pytestmark = pytest.mark.integration
PATIENCE_S = 30.0
START_AND_DIE = """
import os, signal, sys
from tests.integration.tracking.conftest import Place
from pathlib import Path
place = Place(Path(sys.argv[1]), Path(sys.argv[2]))
place.couriers().start()
print("started", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def delivered(place: Place, **arguments: float) -> TrackerTally:
    """Start couriers, and close them at once."""
    sent = place.couriers(**arguments)  # type: ignore[arg-type] # the patience
    sent.start()
    (tally,) = sent.close("run-1")
    return tally


def await_written(place: Place, count: int) -> None:
    """Wait until the diary has so many events."""
    give_up_at = time.monotonic() + PATIENCE_S
    while len(place.written) < count and time.monotonic() < give_up_at:
        time.sleep(0.02)


def process_of(sent: Couriers) -> subprocess.Popen[bytes]:
    """The process of the only courier."""
    process = sent._sent[0].process
    assert process is not None
    return process


def errand_ended(place: Place, **changes: object) -> int:
    """The exit code of a courier with an errand of its own, which is not told to stop."""
    errand = Errand.model_validate(
        {"folder": str(place.folder), "home": str(place.home), "tracker": "diary", "follow": False, **changes}
    )
    process = started(place.couriers()._site, errand)
    code = process.wait(PATIENCE_S)
    assert process.stdin is not None
    process.stdin.close()
    return code


def test_what_was_logged_before_the_end_is_delivered_in_order(place: Place) -> None:
    place.log(*["run-1"] * 700)
    delivered(place)
    assert place.written == list(range(1, 701))


def test_the_tally_says_how_much_was_delivered_and_where_to_look(place: Place) -> None:
    place.log("run-1", "run-1")
    assert delivered(place) == TrackerTally(name="diary", delivered=2, waiting=0, reason="", link="diary:run-1")


def test_what_is_logged_meanwhile_is_delivered_meanwhile(place: Place) -> None:
    sent = place.couriers()
    sent.start()
    place.log("run-1")
    await_written(place, 1)
    place.log("run-2")
    await_written(place, 2)
    assert place.written == [1, 2]
    sent.close()


def test_a_tracker_that_is_down_is_not_waited_for_at_the_end(place: Place) -> None:
    place.feel("down")
    place.log("run-1")
    began = time.monotonic()
    tally = delivered(place, patience_s=PATIENCE_S)
    assert (tally.waiting, tally.reason, time.monotonic() - began < PATIENCE_S / 2) == (1, "the diary is locked", True)


def test_what_a_tracker_that_was_down_did_not_get_is_delivered_later(place: Place) -> None:
    place.feel("down")
    place.log("run-1", "run-2")
    delivered(place)
    place.feel("")
    assert (delivered(place).delivered, place.written) == (2, [1, 2])


def test_a_tracker_that_comes_back_is_given_what_it_missed(place: Place) -> None:
    place.feel("down")
    place.log("run-1")
    sent = place.couriers()
    sent.start()
    time.sleep(2.0)
    place.feel("")
    await_written(place, 1)
    sent.close()
    assert (place.written, place.book.standing().trouble) == ([1], "")


def test_a_tracker_that_hangs_is_waited_for_no_longer_than_its_patience(place: Place) -> None:
    place.feel("hanging")
    place.log("run-1")
    sent = place.couriers(patience_s=1.0)
    sent.start()
    time.sleep(2.0)
    began = time.monotonic()
    (tally,) = sent.close()
    assert (tally.waiting, tally.reason, time.monotonic() - began < 4) == (1, "it was not waited for any longer", True)


def test_whoever_waits_is_told_for_whom(place: Place) -> None:
    place.feel("hanging")
    place.log("run-1")
    sent, awaited = place.couriers(patience_s=2.0), list[Sequence[str]]()
    sent.start()
    time.sleep(2.0)
    sent.close(awaiting=awaited.append)
    assert awaited == [("diary",)]


def test_nobody_is_told_of_couriers_that_have_delivered_everything(place: Place) -> None:
    sent, awaited = place.couriers(), list[Sequence[str]]()
    place.log("run-1")
    sent.start()
    await_written(place, 1)
    sent.close(awaiting=awaited.append)
    assert awaited == []


def test_a_call_past_its_deadline_ends_the_process(place: Place) -> None:
    place.feel("hanging")
    place.log("run-1")
    assert errand_ended(place, deadline_s=0.5) == HUNG


def test_a_call_past_its_deadline_is_told_to_whoever_asks_later(place: Place) -> None:
    place.feel("hanging")
    place.log("run-1")
    errand_ended(place, deadline_s=0.5)
    assert "did not come back within 0.5 s" in place.book.standing().trouble


def test_an_event_that_cannot_be_delivered_is_passed_over_and_the_others_are_not(place: Place) -> None:
    place.log("run-1", "unspeakable", "run-2", "run-3", "unspeakable", "run-4")
    delivered(place)
    assert (place.written, place.book.standing().passed_over) == ([1, 3, 4, 6], 2)


def test_it_is_written_down_which_event_was_passed_over_and_why(place: Place) -> None:
    place.log("run-1", "unspeakable")
    delivered(place)
    kept = place.book.faults.read_text()
    assert ('"seq": 2' in kept, "one does not write such things" in kept) == (True, True)


def test_killed_again_and_again_it_leaves_nothing_out(place: Place) -> None:
    place.feel("slow")
    place.log(*["run-1"] * 400)
    for _ in range(8):
        sent = place.couriers()
        sent.start()
        time.sleep(random.uniform(0.3, 1.0))
        process_of(sent).send_signal(signal.SIGKILL)
        sent.close()
    place.feel("")
    delivered(place)
    assert sorted(set(place.written)) == list(range(1, 401))


def test_a_courier_that_was_killed_says_so(place: Place) -> None:
    place.log("run-1")
    place.feel("hanging")
    sent = place.couriers()
    sent.start()
    process_of(sent).send_signal(signal.SIGKILL)
    (tally,) = sent.close()
    assert (tally.waiting, tally.reason) == (1, "its process was killed by signal 9")


def test_two_couriers_deliver_every_event_once(place: Place) -> None:
    place.feel("slow")
    both = [place.couriers(), place.couriers()]
    for sent in both:
        sent.start()
    place.log(*["run-1"] * 100)
    for sent in both:
        sent.close()
    assert place.written == list(range(1, 101))


def test_after_its_starter_was_killed_it_delivers_the_rest_and_ends(place: Place) -> None:
    place.log(*["run-1"] * 20)
    command = [sys.executable, "-c", START_AND_DIE, str(place.folder), place.environment["PYTHONPATH"]]
    subprocess.run(command, cwd=Path.cwd(), stdout=subprocess.PIPE, check=False)
    await_written(place, 20)
    assert place.written == list(range(1, 21))


def test_after_its_starter_was_killed_it_gives_the_lease_back(place: Place) -> None:
    command = [sys.executable, "-c", START_AND_DIE, str(place.folder), place.environment["PYTHONPATH"]]
    subprocess.run(command, cwd=Path.cwd(), stdout=subprocess.PIPE, check=False)
    place.log("run-1")
    assert delivered(place).waiting == 0


def test_a_tracker_that_no_plugin_gives_costs_nothing_and_says_so(place: Place) -> None:
    place.log("run-1")
    place.environment["PYTHONPATH"] = ""
    tally = delivered(place)
    assert (tally.waiting, "no plugin gives tracker 'diary'" in tally.reason) == (1, True)


def test_a_courier_that_cannot_be_started_costs_nothing_and_says_so(place: Place) -> None:
    place.log("run-1")
    place.home.parent.mkdir(exist_ok=True)
    place.home.write_text("in the way")
    tally = delivered(place)
    assert (tally.waiting, "could not be started" in tally.reason) == (1, True)


def test_starting_takes_no_time_worth_mentioning(place: Place) -> None:
    sent = place.couriers()
    began = time.perf_counter()
    sent.start()
    took_s = time.perf_counter() - began
    sent.close()
    assert took_s < 0.5  # 3 ms where the machine has nothing else to do
