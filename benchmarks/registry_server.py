"""A PostgreSQL server of our own for as long as it is measured, with its settings as they come."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534  # PostgreSQL refuses to run as root


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server: its programs, the folder of its socket, its port."""

    binaries: Path
    folder: Path
    port: int

    def made(self, name: str) -> str:
        """The address of a database that was just made."""
        self._call("createdb", name)
        return f"cm@127.0.0.1:{self.port}/{name}"

    def analyze(self) -> None:
        """Have the planner know what is in all databases, as it would by itself a minute after they were filled."""
        self._call("vacuumdb", "--all", "--analyze-only", "--quiet")

    def _call(self, program: str, *arguments: str) -> None:
        called(self.binaries / program, "-h", str(self.folder), "-p", str(self.port), "-U", "cm", *arguments)


@contextmanager
def postgresql() -> Iterator[Server | None]:
    """A server that is stopped and forgotten afterwards; None where none is installed."""
    binaries = installed()
    if binaries is None:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="benchmark-postgresql-", dir="/tmp"))  # its user must reach it
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    data, port = folder / "data", free_port()
    options = f"-k {folder} -p {port} -h 127.0.0.1"
    try:
        called(binaries / "initdb", "-D", str(data), "-U", "cm", "-A", "trust", "-E", "UTF8", "--no-locale")
        called(binaries / "pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield Server(binaries=binaries, folder=folder, port=port)
        finally:
            called(binaries / "pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def installed() -> Path | None:
    """The folder of PostgreSQL's programs, the newest; Debian keeps them off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = str(found[-1]) if found else shutil.which("initdb")
    return Path(path).parent if path else None


def called(program: Path, *arguments: str) -> None:
    """Run one of PostgreSQL's programs as a user without rights."""
    user = NOBODY if os.geteuid() == 0 else None
    subprocess.run(  # noqa: S603 # a program that was found, with our own arguments
        [str(program), *arguments],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user, group=user, cwd="/",
    )  # fmt: skip


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
