"""A lane of rounds: the project of the moment, its chance, and what every round checks. No round is decided here."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from tests.faults.inspector import Inspector
from tests.faults.processes import Place, clear, new_place, orphans
from tests.faults.tally import ORPHAN, Tally

RUNS_PER_PROJECT = 4
RESUMES_MAX = 10


@dataclass(slots=True, kw_only=True)
class Lane:
    """One lane of rounds: its chance, its project of the moment, how long drivers live when nobody kills them."""

    folder: Path
    chance: random.Random
    tally: Tally
    inspector: Inspector
    lock: Lock
    place: Place | None = None
    used: int = 0
    number: int = 0
    lives_s: dict[str, list[float]] = field(default_factory=dict)

    def count(self, what: str, by: int = 1) -> None:
        with self.lock:
            self.tally.done[what] += by

    def blame(self, kind: str, text: str) -> None:
        with self.lock:
            self.tally.blame(kind, text)

    def project(self) -> Place:
        """A project: fresh ones are killed while their databases are made, used ones hold what earlier kills left."""
        if self.place is None or self.used >= RUNS_PER_PROJECT:
            self.drop()
            self.number += 1
            self.place, self.used = new_place(self.folder / f"p{self.number}"), 0
        self.used += 1
        return self.place

    def drop(self) -> None:
        """Remove the project of the moment, unless something was wrong with it."""
        if self.place is not None and self.tally.passed:
            for folder in (self.place.folder, self.place.outside):
                shutil.rmtree(folder, ignore_errors=True)
        self.place = None

    def look_for_orphans(self, after: str) -> None:
        """Blame what still lives."""
        assert self.place is not None
        for pid, command in orphans(self.place).items():
            self.blame(ORPHAN, f"process {pid} outlived {after}: {command}")
        clear(self.place)

    def verify(self, run: str) -> None:
        """Let the witness read the databases."""
        assert self.place is not None
        self.count("runs completed")
        found = self.inspector.violations(self.place, [run])
        with self.lock:
            self.tally.found(found)


def lanes_in(folder: Path, count: int, tally: Tally, inspector: Inspector, seed: int) -> list[Lane]:
    """Lanes that share a tally and a witness."""
    lock = Lock()
    return [
        Lane(
            folder=folder / f"lane{it}",
            chance=random.Random(f"{seed}/{it}"),
            tally=tally,
            inspector=inspector,
            lock=lock,
        )
        for it in range(count)
    ]
