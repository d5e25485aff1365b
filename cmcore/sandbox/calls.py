"""Load: what came of many requests, one after the other in time. How they are sent is `load`'s."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Failure(StrEnum):
    """How a request failed. NOT_SENT: it was due, and every connection was still waiting for earlier answers."""

    STATUS = "status"
    BROKEN = "broken connection"
    REFUSED = "connection refused"
    TIMEOUT = "timeout"
    WRONG_MODEL = "wrong model"
    UNREADABLE = "unreadable answer"
    NOT_SENT = "not sent"


ANSWERED = 0
KINDS: tuple[Failure | None, ...] = (None, *Failure)
CODES: Mapping[Failure, int] = {kind: code for code, kind in enumerate(KINDS) if kind is not None}
WAITED = frozenset([ANSWERED, CODES[Failure.TIMEOUT], CODES[Failure.NOT_SENT]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Requests in the order in which they ended. `began_at` is a Unix time, `starts` are seconds since then; `outcomes`
    are codes of `KINDS`; `asked` are places in `models`. `told` has the first words of each kind of failure.
    """

    began_at: float
    seconds: float
    starts: Sequence[float]
    latencies: Sequence[float]
    outcomes: bytes
    asked: Sequence[int] = ()
    models: tuple[str, ...] = ()
    told: Mapping[Failure, str] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """All that were due, whatever came of them."""
        return len(self.outcomes)

    @property
    def answered(self) -> int:
        """Those with an answer of the model that was asked."""
        return self.outcomes.count(ANSWERED)

    @property
    def failures(self) -> dict[Failure, int]:
        """How many failed, by kind; kinds that did not happen are left out."""
        counted = Counter(self.outcomes)
        return {kind: counted[code] for kind, code in CODES.items() if counted[code]}

    @property
    def rps(self) -> float:
        """Answers per second."""
        return self.answered / self.seconds if self.seconds > 0 else 0.0

    @property
    def by_model(self) -> dict[str, int]:
        """How many requests each model was asked."""
        counted = Counter(self.asked)
        return {name: counted[place] for place, name in enumerate(self.models) if counted[place]}

    def between(self, start_s: float, end_s: float) -> Load:
        """The part whose requests began in a window, in seconds since `began_at`."""
        places = [place for place, at in enumerate(self.starts) if start_s <= at < end_s]
        return Load(
            began_at=self.began_at + start_s,
            seconds=end_s - start_s,
            starts=array("d", [self.starts[place] - start_s for place in places]),
            latencies=array("d", [self.latencies[place] for place in places]),
            outcomes=bytes(self.outcomes[place] for place in places),
            asked=array("H", [self.asked[place] for place in places]) if self.asked else (),
            models=self.models,
            told=self.told,
        )

    def quantiles(self, *shares: float) -> list[float]:
        """Seconds that these shares of requests did not exceed, by nearest rank; NaN where nobody waited for anything.

        Requests that timed out or were never sent count with the time that they waited. Those that failed at once
        (a status, a broken connection) have no say, or failing fast would look like being fast.
        """
        waited = zip(self.latencies, self.outcomes, strict=True)
        ordered = sorted(latency for latency, outcome in waited if outcome in WAITED)
        return [nearest_rank(ordered, share) for share in shares]

    @property
    def p50(self) -> float:
        """The median, in seconds."""
        return self.quantiles(0.5)[0]

    @property
    def p99(self) -> float:
        """What 99 of 100 requests did not exceed, in seconds."""
        return self.quantiles(0.99)[0]

    def document(self) -> dict[str, object]:
        """The figures without the single requests."""
        names = ("p50_ms", "p90_ms", "p99_ms", "max_ms")
        figures = (round(each * 1e3, 4) for each in self.quantiles(0.5, 0.9, 0.99, 1.0))
        return {
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
            "rps": round(self.rps, 1),
            **dict(zip(names, figures, strict=True)),
            "failures": {kind.value: count for kind, count in self.failures.items()},
            "told": {kind.value: text for kind, text in self.told.items()},
        }


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """The smallest of some values that this share of them does not exceed; NaN where there is none."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
