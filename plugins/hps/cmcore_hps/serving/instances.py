"""What the loaded instances of a model show of themselves: their caches and what was counted since they were loaded."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NOT_COUNTED = ("generation", "born", "trouble")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One instance: `defaults` were answered in place of keys that are inserted later, `absent` keys no table has.

    One that `follows` (1) goes over to new generations, one that does not (0) is pinned to its own; `failed_switches`
    counts generations that it could not load, and goes on without; `trouble` says what went wrong last beside its
    answers, until it has gone over to a generation. `born` is when it was loaded.
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
    trouble: str = ""

    @property
    def hit_rate(self) -> float:
        """The share of distinct keys that its caches had; 0 before the first one."""
        return self.hits / max(1, self.hits + self.misses)


def instances(folder: Path) -> Sequence[Instance]:
    """Those that live now; an instance that has ended, however it did, holds its file's lock no more."""
    shown = (shown_in(path) for path in sorted(folder.glob("[0-9]*")) if lives(path))
    return [instance_of(json.loads(text)) for text in shown if text]


def shown_in(path: Path) -> str:
    """What an instance shows; empty before it has shown anything, and where it has ended just now."""
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return ""


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
    return Instance(
        generation=str(document["generation"]),
        born=float(document["born"]),
        trouble=str(document.get("trouble", "")),
        **{name: int(value) for name, value in document.items() if name not in NOT_COUNTED},
    )
