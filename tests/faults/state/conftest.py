"""Processes that quarrel about one state database, and disks that fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cmcore.state.database import StateDatabase

Actor = subprocess.Popen[str]
SCRIPT = Path(__file__).with_name("actor.py")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def act() -> Iterator[Callable[..., Actor]]:
    """Start `actor.py` with these words; whatever still runs at the end is killed."""
    with ExitStack() as stack:

        def start(*words: str) -> Actor:
            actor = subprocess.Popen(
                [sys.executable, str(SCRIPT), *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                bufsize=1,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            stack.enter_context(actor)
            stack.callback(actor.kill)
            return actor

        yield start


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state.db"


@pytest.fixture
def database(url: str) -> Iterator[StateDatabase]:
    database = StateDatabase.open(url)
    yield database
    database.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a file system of one megabyte cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
