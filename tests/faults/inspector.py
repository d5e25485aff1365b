"""Asking the witness, and reading which runs there are. The databases are opened in other processes than drivers'."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from threading import Lock
from types import TracebackType
from typing import Self

from tests.faults.processes import HERE, Place
from tests.faults.tally import OTHER, Violation


class Inspector:
    """A witness process that is asked about one project at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process = self._started()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def violations(self, place: Place, runs: Sequence[str], url: str = "") -> list[Violation]:
        """What is wrong with these runs of a project; a witness that died says so and is replaced."""
        question = {
            "url": url or place.metadata_url,
            "state": str(place.state_file),
            "outside": str(place.outside),
            "runs": list(runs),
        }
        with self._lock:
            answer = self._asked(json.dumps(question))
        if answer is None:
            return [Violation(kind=OTHER, text=f"{place.folder}: the databases cannot be read")]
        return [Violation(kind=kind, text=f"{text} [{place.folder}]") for kind, text in json.loads(answer)]

    def _asked(self, question: str) -> str | None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if answer:
            return answer
        self._process.communicate()
        self._process = self._started()
        return None

    @staticmethod
    def _started() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(HERE / "witness.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONWARNINGS": "ignore", "GLOG_minloglevel": "2"},
        )


def runs_of(place: Place) -> dict[str, str]:
    """The recorded runs with their states, the oldest first; none where there is no database yet."""
    if not place.state_file.exists():
        return {}
    with closing(sqlite3.connect(f"file:{place.state_file}?mode=ro", uri=True, timeout=30)) as database:
        try:
            return dict(database.execute("SELECT run, state FROM runs ORDER BY number").fetchall())
        except sqlite3.OperationalError:
            return {}  # killed before its tables were made
