"""What a scenario did and what it found wrong, and the table that shows it. Nothing is killed here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

LOST, DUPLICATED, AGAIN, ORPHAN, OTHER = "lost", "duplicated", "run again", "orphan", "other"
KINDS = (LOST, DUPLICATED, AGAIN, ORPHAN, OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One promise that was not kept."""

    kind: str
    text: str


@dataclass(slots=True, kw_only=True)
class Tally:
    """The counts of one scenario; `skipped` is the reason why it could not be tried."""

    name: str
    done: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)
    skipped: str = ""
    took_s: float = 0.0

    def found(self, violations: Iterable[Violation]) -> None:
        """Take in what a check has found."""
        self.violations += violations

    def blame(self, kind: str, text: str) -> None:
        """Take in one violation."""
        self.violations.append(Violation(kind=kind, text=text))

    @property
    def passed(self) -> bool:
        """Whether every promise was kept; a scenario that was skipped broke none."""
        return not self.violations

    def counts(self) -> dict[str, int]:
        """Violations by kind, all kinds named."""
        found = Counter(violation.kind for violation in self.violations)
        return {kind: found[kind] for kind in KINDS}


def table(tallies: Sequence[Tally]) -> str:
    """One line per scenario, then what was wrong."""
    head = ["scenario", *KINDS, "s", "what was done"]
    rows = [head, *(_row(tally) for tally in tallies)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head) - 1)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) + "  " + row[-1]
             for row in rows]  # fmt: skip
    wrong = [f"{tally.name}: {it.kind}: {it.text}" for tally in tallies for it in tally.violations]
    return "\n".join([*lines, *(["", *wrong] if wrong else [])])


def _row(tally: Tally) -> list[str]:
    if tally.skipped:
        return [tally.name, *("-" for _ in KINDS), "-", f"skipped: {tally.skipped}"]
    done = ", ".join(f"{count} {what}" for what, count in tally.done.items())
    return [tally.name, *map(str, tally.counts().values()), f"{tally.took_s:.0f}", done]


def as_json(tallies: Sequence[Tally]) -> str:
    """The same for machines."""
    return json.dumps(
        [
            {
                "scenario": tally.name,
                "done": dict(tally.done),
                "violations": tally.counts(),
                "texts": [f"{it.kind}: {it.text}" for it in tally.violations],
                "skipped": tally.skipped,
                "took_s": round(tally.took_s, 1),
            }
            for tally in tallies
        ],
        indent=1,
    )
