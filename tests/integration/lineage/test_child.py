"""The contract behind a child process, and what happens when that process dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.errors import LineageError
from cmcore.lineage.child import CHILD_POLICY, ChildLineage
from cmcore.lineage.open import open_lineage
from cmcore.lineage.retry import RetryPolicy
from cmcore.lineage.store import LineageStore
from cmcore.testing.lineage import LineageStoreContract
from cmcore.testing.records import RUN, an_execution, completed

pytestmark = pytest.mark.integration


def over_sqlite(folder: Path, *, policy: RetryPolicy = CHILD_POLICY) -> ChildLineage:
    return ChildLineage(f"sqlite:///{folder}/metadata.db", folder / "blobs", policy=policy)


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]
    except FileNotFoundError:
        return False


def gone_within(pid: int, *, limit_s: float) -> bool:
    give_up_at = time.monotonic() + limit_s
    while is_alive(pid) and time.monotonic() < give_up_at:
        time.sleep(0.02)
    return not is_alive(pid)


class TestChildOverSqlite(LineageStoreContract):
    @pytest.fixture
    def lineage(self, tmp_path: Path) -> Iterator[LineageStore]:
        store = over_sqlite(tmp_path)
        yield store
        store.close()


@pytest.fixture
def child(tmp_path: Path) -> Iterator[ChildLineage]:
    store = over_sqlite(tmp_path)
    store.open_run(RUN)
    yield store
    store.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_dead_child_is_replaced_and_counted(child: ChildLineage, number: signal.Signals) -> None:
    os.kill(child.pid, number)
    child.commit(completed(an_execution()))
    assert (child.restarts, child.execution("r1/train/1") is not None) == (1, True)


def test_a_commit_that_died_before_its_answer_is_answered_the_second_time(child: ChildLineage) -> None:
    first = child.commit(completed(an_execution()))
    os.kill(child.pid, signal.SIGKILL)
    assert child.commit(completed(an_execution())).id == first.id


def test_a_child_that_does_not_answer_is_killed_at_the_deadline(tmp_path: Path) -> None:
    store = over_sqlite(tmp_path, policy=RetryPolicy(deadline_s=3.0))
    store.open_run(RUN)
    stopped = store.pid
    os.kill(stopped, signal.SIGSTOP)
    with pytest.raises(LineageError, match="did not answer within 3 s"):
        store.run("r1")
    assert not is_alive(stopped)


def test_closing_ends_the_child(child: ChildLineage) -> None:
    pid = child.pid
    child.close()
    assert not is_alive(pid)


def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from cmcore.lineage.child import ChildLineage\n"
        "folder = Path(sys.argv[1]); store = ChildLineage(f'sqlite:///{folder}/m.db', folder / 'blobs')\n"
        "store.runs(); print(store.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    assert gone_within(pid, limit_s=5)


def test_the_password_is_on_no_command_line(tmp_path: Path) -> None:
    store = ChildLineage(
        "mysql://cm:canary@127.0.0.1:1/none", tmp_path, retry=RetryPolicy(deadline_s=0.5), policy=RetryPolicy()
    )
    with pytest.raises(LineageError) as caught:
        store.runs()
    command_line = Path(f"/proc/{store.pid}/cmdline").read_text()
    store.close()
    assert "canary" not in command_line + str(caught.value) + repr(caught.value.__cause__)


def test_servers_are_opened_in_a_child(tmp_path: Path) -> None:
    assert isinstance(open_lineage("postgresql://cm@localhost/lineage", tmp_path), ChildLineage)
