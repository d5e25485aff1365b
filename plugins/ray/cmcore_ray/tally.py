"""What models have had: each replica counts its own requests, and one actor of the cluster adds them up.

The actor outlives replicas that are killed or scaled away, so that counts do not fall; a replica tells it everything
again and again, so that nothing is lost where the actor is restarted.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import ray

NAME, NAMESPACE = "cmcore-tally", "cmcore"
TELL_S = 0.05  # a replica tells no more often
REPEAT_S = 2.0  # and no less often
SILENT_S = 5.0  # a replica that told nothing for so long has nothing under way: it is gone
Counts = dict[str, float]


class Remote(Protocol):
    """A method of an actor."""

    def remote(self, *arguments: object) -> Any: ...


class TallyActor(Protocol):
    """The tally as other processes call it."""

    tell: Remote
    totals: Remote
    forget: Remote


def tally_actor() -> TallyActor:
    """The tally of the cluster; raises ValueError where there is none."""
    find = cast("Any", ray.get_actor)  # it says of itself that it never returns
    return cast(TallyActor, find(NAME, namespace=NAMESPACE))


@dataclass(slots=True)
class Counter:
    """A replica's own counts."""

    answered: int = 0
    failed: int = 0
    pending: int = 0
    queue_s: float = 0.0
    compute_s: float = 0.0

    def spent(self, *, queue_s: float, compute_s: float) -> None:
        """A request has waited and was computed."""
        self.queue_s += queue_s
        self.compute_s += compute_s

    def counts(self) -> Counts:
        """As they are told."""
        return {
            "answered": self.answered,
            "failed": self.failed,
            "pending": self.pending,
            "queue_s": self.queue_s,
            "compute_s": self.compute_s,
        }


class Tally:
    """What replicas have told, by model; calls come one at a time."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, tuple[float, Counts]]] = {}

    def tell(self, model: str, replica: str, counts: Mapping[str, float]) -> None:
        """All that a replica has had so far."""
        self._told.setdefault(model, {})[replica] = (time.monotonic(), dict(counts))

    def totals(self) -> dict[str, Counts]:
        """All that each model has had since it was loaded."""
        late = time.monotonic() - SILENT_S
        return {model: total(replicas, late) for model, replicas in self._told.items()}

    def forget(self, model: str) -> None:
        """A model was unloaded."""
        self._told.pop(model, None)


def total(replicas: Mapping[str, tuple[float, Counts]], late: float) -> Counts:
    """The sum over replicas; those that were last heard before `late` have nothing under way."""
    totals = Counter().counts()
    for at, counts in replicas.values():
        for name, count in counts.items():
            totals[name] += 0 if name == "pending" and at < late else count
    return totals


async def tell(model: str, counter: Counter, changed: asyncio.Event) -> None:
    """Tell the tally what this replica has had: as soon as it changes, and again and again."""
    replica = uuid.uuid4().hex
    while True:
        # the tally is being restarted, or not there yet: what it misses it is told again
        with contextlib.suppress(ValueError, ray.exceptions.RayError):
            tally_actor().tell.remote(model, replica, counter.counts())
        await asyncio.sleep(TELL_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), REPEAT_S)
        changed.clear()
