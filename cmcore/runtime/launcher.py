"""Launcher: where an execution's process runs. The Protocol, and what launchers tell the driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import JsonValue

from cmcore.components.component import Work
from cmcore.runtime.job import Job, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that an attempt's executor reported while it works: progress, a metric, a line of its log."""

    address: str
    kind: str
    data: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An attempt that is over; a process that died without an answer has an outcome with the failure that means."""

    address: str
    outcome: Outcome


class Launcher(Protocol):
    """Runs attempts. An attempt is named by its address, which the driver has journaled before it submits."""

    def submit(self, job: Job, work: Work | None = None) -> str:
        """Start an attempt; returns a handle that can be stored. `work` is given where nothing can be imported."""
        ...

    def heard(self, timeout_s: float) -> Sequence[Told | Ended]:
        """What happened since the last call, waiting at most so long for the first of it."""
        ...

    def find(self, address: str) -> str:
        """The handle of an attempt that still runs, whoever submitted it; empty if there is none."""
        ...

    def adopt(self, address: str, handle: str) -> bool:
        """Take over an attempt that another driver submitted; False if that cannot be."""
        ...

    def cancel(self, address: str) -> None:
        """Ask an attempt to stop."""
        ...

    def kill(self, address: str) -> None:
        """Stop an attempt and everything it started, at once; its end is still heard."""
        ...

    def wake(self) -> None:
        """Make a waiting `heard` return; safe from signal handlers and other threads."""
        ...

    def close(self) -> None:
        """Stop everything that this driver started and give back what is held."""
        ...
