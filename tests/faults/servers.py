"""Private PostgreSQL and MariaDB servers that a scenario may stop, kill and start again. Nothing else talks to them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

NOBODY = 65534  # both servers refuse to run as root
READY_S, LOOK_S = 60.0, 5.0


class NotInstalledError(Exception):
    """The server's programs are not on this machine; the message says how to get them."""


@dataclass(slots=True, kw_only=True)
class Server:
    """A server on one port and data folder; `fast` is the signal by which it ends its clients and itself."""

    name: str
    scheme: str
    folder: Path
    port: int
    command: list[str]
    ready: list[str]
    fast: signal.Signals
    process: subprocess.Popen[bytes] | None = None
    numbers: Iterator[int] = field(default_factory=count)

    def start(self) -> None:
        """Start, and wait until it answers."""
        give_up_at = time.monotonic() + READY_S
        while time.monotonic() < give_up_at:
            if self.process is None or self.process.poll() is not None:
                self._spawn()  # again: after a SIGKILL, what it held may be free a moment later
            with suppress(subprocess.TimeoutExpired):  # of a client that waits for a server that has just died
                if subprocess.run(self.ready, capture_output=True, timeout=LOOK_S, check=False).returncode == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "server.log").read_text(errors="replace")[-2000:])

    def _spawn(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, user=user(), group=user())

    def stop(self, how: signal.Signals) -> None:
        """Send the signal and wait for the end; a SIGKILL takes the server's own children along."""
        assert self.process
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.process.send_signal(how)
        if how is signal.SIGKILL:
            for child in listed:
                with suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
        self.process.wait(READY_S)

    def new_url(self) -> str:
        """The URL of a database that nobody has used."""
        database = f"lineage{next(self.numbers)}"
        if self.scheme == "postgresql":
            createdb = str(Path(self.command[0]).with_name("createdb"))
            subprocess.run([createdb, "-h", "127.0.0.1", "-U", "cm", "-p", str(self.port), database], check=True)
        return f"{self.scheme}://cm:secret@127.0.0.1:{self.port}/{database}"


def user() -> int | None:
    """Whom a server runs as."""
    return NOBODY if os.geteuid() == 0 else None


def free_port() -> int:
    """Below the ephemeral ports and above those of cmcore, so that nobody takes it while the server is down."""
    for port in random.SystemRandom().sample(range(32_000, 32_700), 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port between 32000 and 32700")


@contextmanager
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server; raises NotInstalledError."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))  # Debian keeps them off the PATH
    if not found:
        raise NotInstalledError("PostgreSQL is not installed (apt-get install postgresql)")
    with server_folder() as folder:
        binaries, data, port = found[-1].parent, folder / "data", free_port()
        initialise = [str(binaries / "initdb"), "-D", str(data), "-U", "cm", "-A", "trust", "-E", "UTF8", "--no-locale"]
        subprocess.run(initialise, check=True, capture_output=True, user=user(), group=user())
        network = ["-p", str(port), "-k", str(folder), "-h", "127.0.0.1"]
        yield from running(
            Server(
                name="PostgreSQL",
                scheme="postgresql",
                folder=folder,
                port=port,
                command=[str(binaries / "postgres"), "-D", str(data), *network],
                ready=[str(binaries / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)],
                fast=signal.SIGINT,  # SIGTERM would wait for clients, who do not leave
            )
        )


@contextmanager
def mariadb() -> Iterator[Server]:
    """A MariaDB server; raises NotInstalledError."""
    daemon, installer = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if not daemon or not installer:
        raise NotInstalledError("MariaDB is not installed (apt-get install mariadb-server)")
    with server_folder() as folder:
        settings, port, grants = ["--no-defaults", f"--datadir={folder}/data"], free_port(), folder / "start.sql"
        install = [installer, *settings, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(install, check=True, capture_output=True, user=user(), group=user())
        grants.write_text(
            "CREATE USER IF NOT EXISTS cm@'%' IDENTIFIED BY 'secret';\nGRANT ALL ON *.* TO cm@'%' WITH GRANT OPTION;\n"
        )
        grants.chmod(0o644)
        network = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder}/socket", f"--init-file={grants}"]
        client = ["mariadb", "--no-defaults", "-h127.0.0.1", f"-P{port}", "-ucm", "-psecret", "-e", "SELECT 1"]
        yield from running(
            Server(name="MariaDB", scheme="mysql", folder=folder, port=port, command=[daemon, *settings, *network],
                   ready=client, fast=signal.SIGTERM)
        )  # fmt: skip


SERVERS = {"postgresql": postgresql, "mariadb": mariadb}


@contextmanager
def server_folder() -> Iterator[Path]:
    """A folder that an ordinary user can reach and that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="cm-server-", dir="/tmp"))
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def running(server: Server) -> Iterator[Server]:
    """The server while it runs; it does not outlive this, whatever happens."""
    try:
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop(signal.SIGKILL)
