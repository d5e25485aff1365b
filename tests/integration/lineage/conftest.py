"""Private PostgreSQL and MariaDB servers of the test session, and what kills and restarts them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

ORDINARY_USER = 65534  # nobody: both servers refuse to run as root
ENDING_S, LOOK_S = 30.0, 5.0
NUMBERS = count()


@dataclass(kw_only=True)
class Server:
    """A database server that can be killed and started again on the same port and data."""

    scheme: str
    user: str
    command: list[str]
    port: int
    ready_text: list[str]
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    def url(self, database: str) -> str:
        return f"{self.scheme}://{self.user}:secret@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """A server that was killed a moment ago may still hold the port or its memory: then it is started again."""
        give_up_at = time.monotonic() + 60
        while not self._is_ready():
            assert time.monotonic() < give_up_at, (self.folder / "server.log").read_text()[-2000:]
            if self.process is None or self.process.poll() is not None:
                with (self.folder / "server.log").open("ab") as log:
                    self.process = subprocess.Popen(
                        self.command, stdout=log, stderr=log, user=ordinary_user(), group=ordinary_user()
                    )
            time.sleep(0.05)

    def kill(self) -> None:
        assert self.process
        # SIGQUIT is PostgreSQL's immediate shutdown; SIGKILL to its first process leaves the others running
        self.process.send_signal(signal.SIGQUIT if self.scheme == "postgresql" else signal.SIGKILL)
        try:
            self.process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(ENDING_S)

    def restart(self) -> None:
        self.kill()
        self.start()

    def _is_ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            return False
        try:
            return subprocess.run(self.ready_text, capture_output=True, timeout=LOOK_S, check=False).returncode == 0
        except subprocess.TimeoutExpired:  # MariaDB's client waits twelve hours for whoever took the connection
            return False


def ordinary_user() -> int | None:
    return ORDINARY_USER if os.geteuid() == 0 else None


def free_port() -> int:
    """Below the ephemeral ports and above those of cmcore, so that nobody takes it while the server is down."""
    for port in random.SystemRandom().sample(range(32_000, 32_700), 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port between 32000 and 32700")


def server_folder(name: str) -> Path:
    """A folder that an ordinary user can reach: pytest's own are closed to others."""
    folder = Path(f"/tmp/cmcore-{name}-{os.getpid()}-{random.getrandbits(32):x}")
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, ORDINARY_USER, ORDINARY_USER)
    return folder


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))  # Debian keeps them off the PATH
    if not found:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    binaries, folder = found[-1].parent, server_folder("postgresql")
    data, port = folder / "data", free_port()
    initialise = [str(binaries / "initdb"), "-D", str(data), "-U", "cm", "-A", "trust", "-E", "UTF8", "--no-locale"]
    subprocess.run(initialise, check=True, capture_output=True, user=ordinary_user(), group=ordinary_user())
    command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1"]
    command += ["-c", "recovery_init_sync_method=syncfs"]
    ready = [str(binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
    server = Server(scheme="postgresql", user="cm", command=command, port=port, ready_text=ready, folder=folder)
    yield from running(server)


@pytest.fixture
def postgresql_url(postgresql: Server) -> Iterator[str]:
    """The URL of a new database, dropped afterwards: a killed server first syncs every file that it has."""
    name, binaries = f"lineage{next(NUMBERS)}", Path(postgresql.command[0]).parent
    where = ["-h", "127.0.0.1", "-U", "cm", "-p", str(postgresql.port)]
    subprocess.run([str(binaries / "createdb"), *where, name], check=True, capture_output=True)
    yield postgresql.url(name)
    subprocess.run([str(binaries / "dropdb"), *where, "--force", name], check=True, capture_output=True)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    daemon, installer = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if not daemon or not installer:
        pytest.skip("MariaDB is not installed (apt-get install mariadb-server)")
    folder = server_folder("mariadb")
    data, port, start_up = folder / "data", free_port(), folder / "start.sql"
    settings = ["--no-defaults", f"--datadir={data}"]
    subprocess.run(
        [installer, *settings, "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True, capture_output=True, user=ordinary_user(), group=ordinary_user(),
    )  # fmt: skip
    # by its host: the installer's nameless user of localhost would come before one of any host
    user = "cm@localhost"
    start_up.write_text(f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY 'secret';\nGRANT ALL ON *.* TO {user};\n")
    start_up.chmod(0o644)
    network = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder}/socket", f"--init-file={start_up}"]
    ready = ["mariadb-admin", "--no-defaults", "-h127.0.0.1", f"-P{port}", "-ucm", "-psecret", "ping"]
    server = Server(
        scheme="mysql", user="cm", command=[daemon, *settings, *network], port=port, ready_text=ready, folder=folder
    )
    yield from running(server)


@pytest.fixture
def mariadb_url(mariadb: Server) -> str:
    """The URL of a database that does not exist yet: ML-Metadata makes it itself."""
    return mariadb.url(f"lineage{next(NUMBERS)}")


def running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(server.folder, ignore_errors=True)
