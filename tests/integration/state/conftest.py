"""A private PostgreSQL, and a fresh state database on it and on SQLite: one suite for both."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cmcore.state.database import StateDatabase
from cmcore.state.holder import Holder

PORT = 5499  # it names the socket only: the server listens on no network address


class Postgres:
    """A server of our own, on a socket in its own folder, run by a user without rights."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries = binaries
        self.folder = folder
        self.names = map("state_{}".format, itertools.count(1))
        self.user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
        if self.user:
            os.chown(folder, pwd.getpwnam(self.user).pw_uid, -1)
        self.run("initdb", "-D", f"{folder}/data", "-U", "cm", "-A", "trust", "-E", "UTF8", "--locale=C")

    def run(self, program: str, *arguments: str) -> None:
        with (self.folder / "log").open("a") as log:
            subprocess.run(
                [str(self.binaries / program), *arguments],
                check=True,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=self.user,
                timeout=60,
            )

    def start(self) -> None:
        options = f"-k {self.folder} -p {PORT} -c listen_addresses=''"
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-o", options, "-l", f"{self.folder}/server.log", "-w", "start")

    def stop(self, mode: str = "fast") -> None:
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", mode, "-w", "stop")

    def fresh_url(self) -> str:
        """The URL of a database that has just been made."""
        name = next(self.names)
        self.run("createdb", "-h", str(self.folder), "-p", str(PORT), "-U", "cm", name)
        return f"postgresql://cm@/{name}?host={self.folder}&port={PORT}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="cm-postgres-", dir="/tmp"))
    server = Postgres(found[-1], folder)
    server.start()
    yield server
    server.stop("immediate")
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a fresh database is to be, on either kind."""
    urls: dict[str, Callable[[], str]] = {
        "sqlite": lambda: f"sqlite:///{tmp_path}/state.db",
        "postgresql": lambda: str(request.getfixturevalue("postgres").fresh_url()),
    }
    return urls[request.param]()


@pytest.fixture
def database(url: str) -> Iterator[StateDatabase]:
    database = StateDatabase.open(url)
    yield database
    database.close()


@pytest.fixture
def ana() -> Holder:
    return Holder.this("ana")


@pytest.fixture
def bob() -> Holder:
    return Holder(host="elsewhere", boot_id="another-boot", pid=4711, process_started="1@1", actor="bob")
