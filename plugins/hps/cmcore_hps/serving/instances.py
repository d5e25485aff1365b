"""What the loaded instances of a model show of themselves: their caches and what was counted since they were loaded."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One instance: `defaults` were answered in place of keys that are inserted later, `absent` keys no table has.

    One that `follows` (1) goes over to new generations, one that does not (0) is pinned to its own; `failed_switches`
    counts generations that it could not load, and goes on without. `born` is when it was loaded.
    """

    generation: str
    hits: int
    misses: int
    defaults: int
    absent: int
    rows: int
    capacity: int
    bytes: int
    switches: int
    failed_switches: int
    follows: int
    born: float

    @property
    def hit_rate(self) -> float:
        """The share of distinct keys that its caches had; 0 before the first one."""
        return self.hits / max(1, self.hits + self.misses)


def instances(folder: Path) -> Sequence[Instance]:
    """Those that live now; an instance that has ended, however it did, holds its file's lock no more."""
    return [
        instance_of(json.loads(path.read_text(encoding="ascii")))
        for path in sorted(folder.glob("[0-9]*"))
        if lives(path)
    ]


def lives(path: Path) -> bool:
    """Whether somebody holds the file's lock."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def instance_of(document: dict[str, float | str]) -> Instance:
    """An instance as it shows itself."""
    numbers = {name: float(value) for name, value in document.items() if name not in ("generation", "born")}
    return Instance(
        generation=str(document["generation"]),
        born=float(document["born"]),
        **{name: int(value) for name, value in numbers.items()},
    )
