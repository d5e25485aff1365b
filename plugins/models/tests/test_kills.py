"""Driver and workers killed at random moments: what comes out in the end is what an undisturbed run writes."""

from __future__ import annotations

import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from cmcore.artifacts import Examples, Model

from .conftest import orders

pytestmark = pytest.mark.faults
KILLS, ROWS, SHARD_ROWS, DEADLINE_S = 20, 12_000, 300, 300
DRIVER = """
import sys
from pathlib import Path
from cmcore.artifacts import Files, Model, Predictions
from cmcore_models import BatchPredictor
model, rows, output, work = sys.argv[1:]
Path(output).mkdir(parents=True, exist_ok=True)
print(BatchPredictor(
    model=Model.at(model), files=Files.at(rows), predictions=Predictions.at(output), keep=["id"], batch_rows=1,
    shard_rows=%d, workers=2, work_folder=work, database=f"sqlite:///{work}/answers.db", table="answers",
))
"""
PIPELINE = """
from cmcore import importer, pipeline
from cmcore.artifacts import Files, Model
from cmcore_models import BatchPredictor

@pipeline
def nightly(model: str, rows: str) -> None:
    given = importer(uri=rows, type=Files).named("rows")
    made = importer(uri=model, type=Model).named("model")
    BatchPredictor(
        model=made.artifact, files=given.artifact, keep=["id"], batch_rows=1, shard_rows=%d, workers=2,
    ).named("predict")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a job is done again and again: each attempt has an output of its own, as it has in a run."""

    root: Path
    model: Path
    rows: Path
    kept: list[int] = field(default_factory=list)

    @property
    def work(self) -> Path:
        return self.root / "work"

    def attempt(self, number: int) -> subprocess.Popen[bytes]:
        """Start one attempt, in a process group of its own."""
        self.work.mkdir(parents=True, exist_ok=True)
        self.kept.append(self.finished())
        output = self.root / str(number)
        command = [sys.executable, "-c", DRIVER % SHARD_ROWS, *map(str, (self.model, self.rows, output, self.work))]
        with (self.root / "log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def finished(self) -> int:
        """How many shards are finished and not handed over yet."""
        return len(list(self.work.glob("batch-*/*.json")))

    def kill_after_some(self, process: subprocess.Popen[bytes], choose: random.Random) -> None:
        """Kill the driver or a worker at a random moment, some shards after it began."""
        enough, deadline = self.finished() + choose.randint(0, 4), time.monotonic() + DEADLINE_S
        while self.finished() < enough and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(choose.uniform(0, 0.2))
        kill_one(process, choose)

    def undisturbed(self) -> Path:
        """The output of one attempt that nobody kills."""
        assert self.attempt(0).wait(DEADLINE_S) == 0
        return self.root / "0"

    def table(self) -> list[tuple[object, ...]]:
        """The rows of the database, in the order in which they were appended."""
        with sqlite3.connect(self.work / "answers.db") as connection:
            found = connection.execute("select id, probability from answers").fetchall()
        connection.close()
        return found

    def with_kills(self, choose: random.Random, kills: int) -> Path:
        """Attempts until one ends well, each of the first ones killed; the output of the last."""
        for number in range(1, 10 * kills):
            process = self.attempt(number)
            if number <= kills:
                self.kill_after_some(process, choose)
            if process.wait(DEADLINE_S) == 0 and number > kills:
                return self.root / str(number)
        raise AssertionError((self.root / "log").read_text()[-3000:])


def kill_one(process: subprocess.Popen[bytes], choose: random.Random) -> None:
    """Kill one of them, without a word."""
    workers = [int(pid) for pid in children(process.pid)]
    with suppress(ProcessLookupError):
        os.kill(choose.choice([process.pid, *workers]), signal.SIGKILL)


def children(pid: int) -> Iterator[str]:
    with suppress(OSError):
        yield from Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    orders(5, ROWS // 2).write_parquet(folder / "one.parquet", row_group_size=1_000)
    orders(6, ROWS // 2).write_parquet(folder / "two.parquet", row_group_size=700)
    return folder


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_killed_and_done_again_is_the_same_byte_for_byte_and_row_for_row(
    trained: tuple[Model, Examples], rows: Path, tmp_path: Path, seed: int
) -> None:
    calm = Place(root=tmp_path / "calm", model=trained[0].path, rows=rows)
    stormy = Place(root=tmp_path / "stormy", model=trained[0].path, rows=rows)
    wanted = contents(calm.undisturbed())
    assert contents(stormy.with_kills(random.Random(seed), KILLS // 2)) == wanted
    assert stormy.table() == calm.table()
    assert len(stormy.table()) == ROWS
    assert max(stormy.kept) > 0  # or no kill came between two shards


def test_no_worker_outlives_its_driver(trained: tuple[Model, Examples], rows: Path, tmp_path: Path) -> None:
    process = Place(root=tmp_path, model=trained[0].path, rows=rows).attempt(1)
    deadline = time.monotonic() + 30
    while not (workers := list(children(process.pid))) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    while any(alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert workers
    assert [pid for pid in workers if alive(pid)] == []


def alive(pid: str) -> bool:
    with suppress(OSError):
        return " Z " not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    return False


def cm(folder: Path, *words: str) -> subprocess.Popen[str]:
    """A command in a project."""
    command = [str(Path(sys.executable).with_name("cm")), "--project", str(folder), *words]
    return subprocess.Popen(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_a_resumed_run_goes_on_with_the_shards_that_were_finished(
    trained: tuple[Model, Examples], rows: Path, tmp_path: Path
) -> None:
    (tmp_path / "nightly.py").write_text(PIPELINE % SHARD_ROWS)
    asked = ["--set", f"model={trained[0].path}", "--set", f"rows={rows}"]
    killed = cm(tmp_path, "run", "nightly.py", *asked)
    kept = finished_shards(tmp_path, at_least=5)
    killed.kill()
    killed.communicate()
    assert kept >= 5
    printed = cm(tmp_path, "resume").communicate(timeout=DEADLINE_S)[0]
    assert "SUCCEEDED" in printed, printed
    logs = "".join(path.read_text() for path in (tmp_path / ".cm" / "logs").rglob("*") if path.is_file())
    assert int(re.findall(r"(\d+) of 40 shards were finished by an earlier attempt", logs)[0]) >= kept
    (output,) = (path.parent for path in (tmp_path / ".cm").rglob("predictions.json"))
    found = pl.read_parquet(output / "*.parquet")["id"].to_list()
    assert found == pl.read_parquet(rows / "*.parquet")["id"].to_list()
    assert list((tmp_path / ".cm" / "scratch").rglob("*.parquet")) == []


def finished_shards(folder: Path, at_least: int) -> int:
    """How many shards are finished, once there are so many of them."""
    deadline = time.monotonic() + 60
    found = 0
    while found < at_least and time.monotonic() < deadline:
        time.sleep(0.02)
        found = len(list((folder / ".cm").rglob("batch-*/*.json")))
    return found
