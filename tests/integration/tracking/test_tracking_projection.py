"""The tables of tracking on both databases: several processes read on at once, one is killed, filters mean the same."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from cmcore.filters.match import matches
from cmcore.filters.parse import parse, parse_field
from cmcore.filters.syntax import Filter
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.migration import STATE_BRANCH
from cmcore.tracking.projection import cursor, last_event
from cmcore.tracking.query import Order
from cmcore.tracking.store import Tracking
from cmcore.tracking.tables import METADATA, TRACKING_BRANCH
from tests.integration.state.conftest import Postgres, postgres, url  # noqa: F401 # fixtures
from tests.unit.filters.generated import filters
from tests.unit.filters.test_select import FIELDS, THINGS
from tests.unit.filters.things import Thing, found_in, make_tables
from tests.unit.tracking.log import finished, point, started, submitted, told, tracked, whole_run

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
BRANCHES = [STATE_BRANCH, TRACKING_BRANCH]
READ_ON = """
import sys
from cmcore.state.database import StateDatabase
from cmcore.tracking.store import Tracking
database = StateDatabase(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
Tracking(database).catch_up()
"""
RUNS = 300


@pytest.fixture
def database(url: str) -> Iterator[StateDatabase]:  # noqa: F811 # the fixture
    database = StateDatabase.open(url, branches=BRANCHES)
    yield database
    database.close()


def told_much(database: StateDatabase) -> None:
    """A log of several portions, with nodes that are tried twice and nodes from the cache."""
    for number in range(RUNS):
        run = f"r{number}"
        again = [submitted(run, attempt=2), tracked(run, point("loss", 7, number), attempt=2), finished(run, attempt=2)]
        told(database, *whole_run(run, auc=number / RUNS), *again)
        told(database, started(f"c{number}"), finished(f"c{number}", state="CACHED", cached_from=f"{run}/train/2"))


class Reader:
    """A process that is ready to read on, and does once it is told to."""

    def __init__(self, url: str) -> None:  # noqa: F811 # as in the fixture
        command = [sys.executable, "-c", READ_ON, url]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self.process.stdin
        assert self.process.stdout
        self.words, self.answers = self.process.stdin, self.process.stdout
        self.answers.readline()

    def go(self) -> None:
        self.words.write("go\n")
        self.words.flush()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def readers(url: str) -> Iterator[list[Reader]]:  # noqa: F811 # the fixture
    readers = [Reader(url) for _ in range(4)]
    yield readers
    for reader in readers:
        reader.close()


def everything(database: StateDatabase) -> dict[str, Sequence[tuple[object, ...]]]:
    with database.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))]
            for table in METADATA.sorted_tables
        }


def read_by_one(database: StateDatabase) -> dict[str, Sequence[tuple[object, ...]]]:
    """The tables as one undisturbed process makes them."""
    with database.writing() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(sa.delete(table))
        connection.execute(sa.text("UPDATE event_cursors SET seq = 0"))
    Tracking(database).catch_up()
    return everything(database)


def test_processes_that_read_on_at_once_apply_each_event_once(database: StateDatabase, readers: list[Reader]) -> None:
    told_much(database)
    for reader in readers:
        reader.go()
    assert [reader.process.wait(60) for reader in readers] == [0, 0, 0, 0]
    assert cursor(database) == last_event(database)
    found = everything(database)
    assert found == read_by_one(database)


def test_readers_that_are_killed_lose_and_repeat_nothing(database: StateDatabase, readers: list[Reader]) -> None:
    told_much(database)
    places = []
    for reader, wait_s in zip(readers, (0.02, 0.04, 0.08, 0.16), strict=True):
        reader.go()
        time.sleep(wait_s)
        reader.close()
        places.append(cursor(database))
    Tracking(database).catch_up()
    assert places == sorted(places)
    found = everything(database)
    assert found == read_by_one(database)


def test_a_run_that_is_writing_is_not_kept_waiting(database: StateDatabase, readers: list[Reader]) -> None:
    points = [point("loss", step, 0.5) for step in range(500)]
    told(database, started("a"), *(tracked("a", *points) for _ in range(100)))
    readers[0].go()
    journal, waits = Journal(database), []
    while readers[0].process.poll() is None:
        begun = time.perf_counter()
        journal.append([started(f"b{len(waits)}")], lease=None)
        waits.append(time.perf_counter() - begun)
        time.sleep(0.005)
    print(f"{len(waits)} events, waited {statistics.median(waits):.4f} s (median), {max(waits):.3f} s (longest)")
    assert max(waits) < 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.auc > 0.85 and tags.team = 'x'", ["a"]),
        ("metrics.auc = 'nan' or metrics.auc = 'inf'", ["d", "c"]),
        ("metrics.auc > 1", ["c"]),
        ("not metrics.auc > 0 or duration < 0", ["d"]),
        ("tags.team like 'Y' and run >= 'B'", ["d", "c", "b"]),
        ("params.'train.lr' in (0.1, 7) and started > '2020-01-01'", ["d", "c", "b", "a"]),
    ],
)
def test_searches_mean_the_same_everywhere(text: str, expected: list[str], database: StateDatabase) -> None:
    told(database, *whole_run("a", auc=0.9), *whole_run("b", auc=0.7, team="y"))
    told(database, *whole_run("c", auc="inf", team="y"), *whole_run("d", auc="nan", team="y"))
    assert [run.run for run in Tracking(database).search(parse(text))] == expected


def test_orders_mean_the_same_everywhere(database: StateDatabase) -> None:
    told(database, *whole_run("a", auc=0.9), *whole_run("b", auc=0.7), *whole_run("c", auc="nan"))
    order = Order(field=parse_field("metrics.auc"), descending=False)
    assert [run.run for run in Tracking(database).search(order_by=order)] == ["b", "a", "c"]


@pytest.fixture(scope="module")
def server(postgres: Postgres) -> Iterator[sa.Engine]:  # noqa: F811 # the fixture
    engine = sa.create_engine(postgres.fresh_url().replace("postgresql:", "postgresql+psycopg:"))
    yield engine
    engine.dispose()


@given(filters(FIELDS), THINGS, THINGS)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_postgresql_finds_what_matches(server: sa.Engine, asked: Filter, one: Thing, other: Thing) -> None:
    with server.connect() as connection, connection.begin() as transaction:
        make_tables(connection, [one, other])
        found = found_in(connection, asked)
        transaction.rollback()
    assert found == {number for number, thing in enumerate([one, other]) if matches(asked, thing.lookup)}
