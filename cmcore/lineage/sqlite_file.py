"""The SQLite file under ML-Metadata: opened first by one process at a time, and told damaged from merely locked.

The file is never opened with Python's `sqlite3` in this process: two SQLite libraries in one process do not see
each other's locks, which corrupts the file.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cmcore.errors import LineageError

CHECK = """
import pathlib, sqlite3, sys
try:
    store = sqlite3.connect(pathlib.Path(sys.argv[1]).as_uri() + "?mode=ro", uri=True, timeout=0)
    said = store.execute("PRAGMA quick_check(1)").fetchone()[0]
except sqlite3.OperationalError:
    said = "ok"  # locked, or not there yet: nothing is known against it
except sqlite3.DatabaseError as error:
    said = str(error)
print("" if said == "ok" else said)
"""


@contextmanager
def opened_alone(path: Path, *, deadline_s: float) -> Iterator[None]:
    """Hold the lock file beside the database while it is opened, because opening an empty one makes its tables."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise LineageError(f"the folder of {path} cannot be used: {error}") from error
    if path.exists() and not os.access(path, os.W_OK):
        os.close(descriptor)
        raise LineageError(f"{path} is read-only; make it writable for this user, lineage is always written to")
    try:
        _lock(descriptor, path, time.monotonic() + deadline_s)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, give_up_at: float) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > give_up_at:
                raise LineageError(f"another process has been opening {path} for too long; is it stopped?") from error
        time.sleep(0.005)


def damage(path: Path) -> str:
    """What is wrong with the file by SQLite's own check, in a process of its own; empty if nothing was found."""
    try:
        check = subprocess.run(  # noqa: S603 # our own interpreter and script; the path is an argument
            [sys.executable, "-I", "-S", "-c", CHECK, str(path)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    return check.stdout.strip()
