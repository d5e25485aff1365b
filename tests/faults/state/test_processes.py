"""Processes that race for the state database, are stopped or are killed."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.lease import Holder, Leases
from cmcore.state.runs import Runs

pytestmark = pytest.mark.faults

Act = Callable[..., Popen[str]]


def heard(actor: Popen[str]) -> str:
    assert actor.stdout is not None
    return actor.stdout.readline().strip()


def tell(actor: Popen[str], word: str) -> None:
    assert actor.stdin is not None
    actor.stdin.write(f"{word}\n")
    actor.stdin.flush()


def opened_at_once(act: Act, url: str, *, processes: int) -> list[str]:
    actors = [act("open", url) for _ in range(processes)]
    assert {heard(actor) for actor in actors} == {"ready"}
    for actor in actors:
        tell(actor, "go")
    return [heard(actor) for actor in actors]


def races(first: Popen[str], second: Popen[str], names: list[str]) -> list[list[str]]:
    outcomes = []
    for name in names:
        tell(first, name)
        tell(second, name)
        outcomes.append(sorted([heard(first), heard(second)]))
    return outcomes


def relay(act: Act, database: StateDatabase, *, rounds: int) -> list[int]:
    """Two racers for one lease, the winner of each round killed and replaced; the tokens that were granted."""
    url = database.engine.url.render_as_string()
    racers = [act("race", url), act("race", url)]
    assert [heard(racer) for racer in racers] == ["ready", "ready"]
    tokens = []
    for _ in range(rounds):
        for racer in racers:
            tell(racer, "relay")
        words = [heard(racer) for racer in racers]
        winner = next(index for index, word in enumerate(words) if word.startswith("won"))
        assert words[1 - winner] == "LeaseHeldError"
        tokens.append(int(words[winner].split()[1]))
        racers[winner].kill()
        racers[winner].wait()
        racers[winner] = act("race", url)
        assert heard(racers[winner]) == "ready"
    return tokens


def killed_while_appending(act: Act, url: str, after_s: float) -> int:
    """The last batch that the actor said was committed."""
    actor = act("append", url)
    assert heard(actor) == "ready"
    time.sleep(after_s)
    actor.kill()
    assert actor.stdout is not None
    said = actor.stdout.read().rpartition("\n")[0].split()
    actor.wait()
    return int(said[-1]) if said else 0


@pytest.mark.parametrize("attempt", range(5))
def test_eight_processes_open_one_fresh_database_at_once(act: Act, url: str, attempt: int) -> None:
    assert opened_at_once(act, url, processes=8) == ["opened"] * 8


def test_eight_processes_lose_no_event(act: Act, url: str) -> None:
    opened_at_once(act, url, processes=8)
    database = StateDatabase.open(url)
    assert [event.seq for event in Journal(database).read()] == list(range(1, 9))
    database.close()


def test_one_of_two_wins_each_of_two_hundred_races(act: Act, url: str, database: StateDatabase) -> None:
    first, second = act("race", url), act("race", url)
    assert (heard(first), heard(second)) == ("ready", "ready")
    names = [f"run/r-{number}" for number in range(200)]
    assert races(first, second, names) == [["LeaseHeldError", "won 1"]] * 200


def test_the_lease_of_a_killed_holder_is_won_by_one_with_a_greater_token(act: Act, database: StateDatabase) -> None:
    assert relay(act, database, rounds=10) == list(range(1, 11))


@pytest.fixture
def overtaken(act: Act, url: str, database: StateDatabase) -> Popen[str]:
    """A holder that was stopped until another took its lease, and that goes on now."""
    actor = act("hold", url, "0.3")
    assert heard(actor) == "holding"
    actor.send_signal(signal.SIGSTOP)
    time.sleep(0.4)
    Leases(database).acquire("run/r", Holder.this("bob"), ttl_s=600.0)
    actor.send_signal(signal.SIGCONT)
    tell(actor, "write")
    return actor


def test_a_holder_that_slept_too_long_is_refused_every_write(overtaken: Popen[str]) -> None:
    assert [heard(overtaken) for _ in range(3)] == ["LeaseLostError"] * 3


def test_a_holder_that_slept_too_long_changes_nothing(overtaken: Popen[str], database: StateDatabase) -> None:
    overtaken.communicate()
    run = Runs(database).get("r")
    assert run is not None
    assert (run.state, run.finished_at, Journal(database).read()) == ("RUNNING", None, [])


def test_kills_in_the_middle_of_appends_tear_nothing(act: Act, url: str, database: StateDatabase) -> None:
    chance = random.Random(7)
    said = [killed_while_appending(act, url, chance.uniform(0.0, 0.1)) for _ in range(20)]
    events = Journal(database).read(limit=1_000_000)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert len(events) % 3 == 0
    assert sum(said) <= len(events) // 3 <= sum(said) + len(said)
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"


@pytest.mark.parametrize("after_s", [0.05 * step for step in range(1, 9)])
def test_a_kill_while_the_tables_are_made_is_made_good_by_the_next(
    act: Act, url: str, tmp_path: Path, after_s: float
) -> None:
    actor = act("open", url)
    assert heard(actor) == "ready"
    tell(actor, "go")
    time.sleep(after_s)
    actor.kill()
    actor.wait()
    database = StateDatabase.open(url)
    Journal(database).append([], lease=None)
    database.close()
