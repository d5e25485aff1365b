"""SQLite under ML-Metadata: damaged, locked, full, opened by many at once."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.errors import LineageError
from cmcore.lineage.blobs import FolderBlobs
from cmcore.lineage.child import ChildLineage
from cmcore.lineage.database import MlmdLineage
from cmcore.lineage.retry import RetryPolicy
from cmcore.testing.records import RUN, an_execution, completed, publish

pytestmark = pytest.mark.integration

HOLD = """
import sqlite3, sys, time
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""
ONE_NODE = """
import sys
from pathlib import Path
from cmcore.lineage.open import open_lineage
from cmcore.testing.records import RUN, publish
store = open_lineage(sys.argv[1], Path(sys.argv[2]))
store.open_run(RUN)
publish(store, f"r1/n{sys.argv[3]}/1", type_name="Same", parameters={"a": 1})
"""
MANY_NODES = """
import sys
from pathlib import Path
from cmcore.lineage.open import open_lineage
from cmcore.testing.records import publish
store = open_lineage(sys.argv[1], Path(sys.argv[2]))
for number in range(1, 100_000):
    publish(store, f"r1/many/{number}")
    print("published" if number == 20 else "", end="\\n" if number == 20 else "", flush=True)
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "metadata.db"


def opened(database: Path, *, deadline_s: float = 30.0) -> MlmdLineage:
    blobs = FolderBlobs(database.parent / "blobs")
    return MlmdLineage(f"sqlite:///{database}", blobs, retry=RetryPolicy(deadline_s=deadline_s))


@pytest.fixture
def written(database: Path) -> Path:
    lineage = opened(database)
    lineage.open_run(RUN)
    publish(lineage, "r1/train/1")
    lineage.close()
    return database


@pytest.fixture
def held(written: Path) -> Iterator[Path]:
    """The database while another process holds its lock, for a second and a half."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(written), "1.5"], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        yield written


def test_what_is_no_database_is_refused_at_once(database: Path) -> None:
    database.write_bytes(os.urandom(8192))
    started_at = time.monotonic()
    with pytest.raises(LineageError, match="damaged or no database"):
        opened(database).runs()
    assert time.monotonic() - started_at < 5


def test_overwritten_pages_are_called_damage(written: Path) -> None:
    content = bytearray(written.read_bytes())
    content[100:12_000] = os.urandom(11_900)
    written.write_bytes(content)
    with pytest.raises(LineageError, match="damaged"):
        opened(written).runs()


def test_damage_is_not_repaired_by_waiting(written: Path) -> None:
    lineage = opened(written)
    lineage.runs()
    content = bytearray(written.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    written.write_bytes(content)
    started_at = time.monotonic()
    with pytest.raises(LineageError):
        publish(lineage, "r1/eval/1")
    assert time.monotonic() - started_at < 5


def test_a_lock_is_waited_for(held: Path) -> None:
    lineage = opened(held)
    publish(lineage, "r1/eval/1")
    assert len(lineage.executions("r1")) == 2


def test_a_lock_that_stays_is_an_error_after_the_deadline(written: Path) -> None:
    lineage = opened(written, deadline_s=0.3)
    lineage.runs()
    with subprocess.Popen([sys.executable, "-c", HOLD, str(written), "60"], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(LineageError, match=r"did not answer within 0\.3 s"):
            publish(lineage, "r1/eval/1")
        holder.kill()


def test_a_handle_survives_a_lock(written: Path) -> None:
    lineage = opened(written)
    lineage.runs()
    with subprocess.Popen([sys.executable, "-c", HOLD, str(written), "0.5"], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        publish(lineage, "r1/eval/1")
    assert lineage.opened == 1


def test_a_full_disk_loses_nothing_and_is_forgotten_when_there_is_room(written: Path) -> None:
    policy = RetryPolicy(deadline_s=0.5)
    lineage = ChildLineage(f"sqlite:///{written}", written.parent / "blobs", retry=policy)
    lineage.begin(an_execution("r1/eval/1"))
    unlimited = resource.RLIM_INFINITY
    resource.prlimit(lineage.pid, resource.RLIMIT_FSIZE, (written.stat().st_size, unlimited))
    with pytest.raises(LineageError):
        fill(lineage)
    resource.prlimit(lineage.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
    lineage.commit(completed(an_execution("r1/eval/1")))
    names = [each.name for each in lineage.executions("r1")]
    lineage.close()
    assert (names[:2], lineage.restarts) == (["r1/train/1", "r1/eval/1"], 0)


def fill(lineage: ChildLineage) -> None:
    for number in range(500):
        lineage.commit(completed(an_execution(f"r1/fill/{number}", facts={"text": "x" * 900})))


def test_eight_processes_may_open_an_empty_database_at_once(database: Path) -> None:
    command = [sys.executable, "-c", ONE_NODE, f"sqlite:///{database}", str(database.parent / "blobs")]
    started = [subprocess.Popen([*command, str(number)]) for number in range(8)]
    assert [process.wait(120) for process in started] == [0] * 8
    assert len(opened(database).executions("r1")) == 8


def test_a_killed_process_leaves_whole_records(written: Path) -> None:
    command = [sys.executable, "-c", MANY_NODES, f"sqlite:///{written}", str(written.parent / "blobs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        writer.stdout.readline()
        writer.kill()
    found = opened(written).executions("r1")
    assert {len(each.outputs) for each in found if each.state.published} == {1}
