"""The contract on real PostgreSQL and MariaDB servers, and their deaths between and during calls."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from cmcore.lineage.child import ChildLineage
from cmcore.lineage.store import LineageStore
from cmcore.testing.lineage import LineageStoreContract
from cmcore.testing.records import an_artifact, an_execution, completed, publish

pytestmark = pytest.mark.integration

FIRST_OPEN = """
import sys
from pathlib import Path
from dataclasses import replace
from cmcore.lineage.open import open_lineage
from cmcore.testing.records import RUN, an_execution, completed
store = open_lineage(sys.argv[1], Path(sys.argv[2]))
store.open_run(RUN)
store.begin(an_execution(f"r1/n{sys.argv[3]}/1", type_name="Same", parameters={"a": 1}))
store.commit(completed(an_execution(f"r1/n{sys.argv[3]}/1", type_name="Same", parameters={"a": 1})))
store.close()
"""


class Restartable(Protocol):
    def kill(self) -> None: ...

    def start(self) -> None: ...

    def restart(self) -> None: ...


def opened_at_once(url: str, folder: Path, processes: int) -> list[int]:
    """The exit codes of processes that open one empty database at the same time."""
    command = [sys.executable, "-c", FIRST_OPEN, url, str(folder)]
    started = [subprocess.Popen([*command, str(number)]) for number in range(processes)]
    return [process.wait(120) for process in started]


class ServerContract(LineageStoreContract):
    """The contract through a child process, on a database of its own per test; `url` and `server` are the server's."""

    @pytest.fixture
    def lineage(self, url: str, tmp_path: Path) -> Iterator[LineageStore]:
        store = ChildLineage(url, tmp_path)
        yield store
        store.close()

    @pytest.fixture
    def another(self, lineage: LineageStore, url: str, tmp_path: Path) -> Iterator[LineageStore]:
        store = ChildLineage(url, tmp_path)
        yield store
        store.close()

    def test_a_restarted_server_loses_nothing(self, lineage: LineageStore, server: Restartable) -> None:
        model = publish(lineage, "r1/train/1")
        server.restart()
        publish(lineage, "r1/eval/1", model)
        server.restart()
        server.restart()
        assert [each.node for each in lineage.executions("r1")] == ["train", "eval"]

    def test_a_server_that_is_away_for_a_while_is_waited_for(self, lineage: LineageStore, server: Restartable) -> None:
        lineage.begin(an_execution())
        server.kill()
        comeback = threading.Timer(1.5, server.start)
        comeback.start()
        lineage.commit(completed(an_execution(), an_artifact("r1/train/1/model/0")))
        comeback.join()
        assert len(lineage.executions("r1")) == 1

    def test_restarts_under_load_lose_and_duplicate_nothing(self, lineage: LineageStore, server: Restartable) -> None:
        published: list[str] = []
        stop = threading.Event()

        def publish_until_stopped() -> None:
            while not stop.is_set():
                name = f"r1/n/{len(published) + 1}"
                publish(lineage, name)
                published.append(name)

        load = threading.Thread(target=publish_until_stopped)
        load.start()
        for _ in range(5):
            time.sleep(0.4)
            server.restart()
        stop.set()
        load.join()
        assert [each.name for each in lineage.executions("r1")] == published

    def test_eight_processes_may_open_an_empty_database_at_once(self, fresh_url: str, tmp_path: Path) -> None:
        assert opened_at_once(fresh_url, tmp_path, 8) == [0] * 8


class TestPostgresql(ServerContract):
    @pytest.fixture
    def url(self, postgresql_url: str) -> str:
        return postgresql_url

    @pytest.fixture
    def fresh_url(self, postgresql_url: str, url: str) -> str:
        return postgresql_url

    @pytest.fixture
    def server(self, postgresql: Restartable) -> Restartable:
        return postgresql


class TestMariadb(ServerContract):
    @pytest.fixture
    def url(self, mariadb_url: str) -> str:
        return mariadb_url

    @pytest.fixture
    def fresh_url(self, mariadb_url: str) -> str:
        return mariadb_url + "fresh"

    @pytest.fixture
    def server(self, mariadb: Restartable) -> Restartable:
        return mariadb
