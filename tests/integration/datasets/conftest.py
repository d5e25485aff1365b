"""A store of versions on SQLite and on PostgreSQL, and processes that work on it."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.datasets import work
from tests.integration.state.conftest import postgres, url

__all__ = ["postgres", "url"]

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def table() -> Callable[[int], bytes]:
    """A table of about 3 MB, another one for each seed."""

    def made(seed: int) -> bytes:
        dice = random.Random(seed)
        return b"day,late\n" + b"".join(b"%d,%d\n" % (row, dice.randrange(10**6)) for row in range(200_000))

    return made


@pytest.fixture
def start(home: Path, url: str) -> Start:
    """Starts a process that will work on the store, and waits until it is ready."""

    def started(word: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, work.__file__, word, str(home), url, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    return started
