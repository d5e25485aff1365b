"""Finding: one thing that a rule says about one place of one file; and Findings, which collects them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from cmcore.errors import Problem
from cmcore_hps.config.rule import Severity
from cmcore_hps.config.rules import RULES

PER_RULE_MAX = 100
ROOT = "/"


class File(StrEnum):
    """The three files, by what messages call them where no path is known."""

    PS = "ps.json"
    PBTXT = "config.pbtxt"
    NETWORK = "network.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`pointer` is a JSON pointer or a path such as `input[0].dims`, `/` a whole file; lines count from 1."""

    file: str
    pointer: str
    rule: str
    severity: Severity
    message: str
    fix: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{where}: {self.severity}: {self.message}; {self.fix} @ {self.pointer} [{self.rule}]"

    def problem(self) -> Problem:
        """The finding as a problem of a document."""
        return Problem(
            message=f"{self.message} [{self.rule}]",
            path=self.pointer,
            file=self.file,
            line=self.line,
            column=self.column,
            hint=self.fix,
        )


Place = tuple[int, int]


@dataclass(slots=True)
class Findings:
    """What was found so far in one file; of one rule no more than PER_RULE_MAX are kept, and then one more is said."""

    file: str
    _found: list[Finding] = field(default_factory=list)
    _count: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        rule: str,
        pointer: str,
        message: str,
        fix: str,
        *,
        place: Place = (0, 0),
        severity: Severity | None = None,
    ) -> None:
        """One more; the severity is the rule's own unless another is given."""
        self._count[rule] += 1
        if self._count[rule] > PER_RULE_MAX:
            return
        self._found.append(
            Finding(
                file=self.file,
                pointer=pointer or ROOT,
                rule=rule,
                severity=severity or RULES[rule].severity,
                message=message,
                fix=fix,
                line=place[0],
                column=place[1],
            )
        )

    def __iter__(self) -> Iterator[Finding]:
        return iter((*self._found, *self._rest()))

    def _rest(self) -> Iterable[Finding]:
        for rule, count in self._count.items():
            if count > PER_RULE_MAX:
                message = f"{count - PER_RULE_MAX} more of {rule} are not listed"
                yield Finding(
                    file=self.file,
                    pointer=ROOT,
                    rule=rule,
                    severity=RULES[rule].severity,
                    message=message,
                    fix="mend those that are listed first",
                )
