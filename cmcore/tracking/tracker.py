"""Tracker: what a tracking backend must do; plugins provide it under the kind `tracker`. No backend is known here.

A tracker is a reader of the event log, not a participant of the run: a process of its own hands it events in their
order, at least once, remembers how far it got, and tries again when it raises TrackerError. So a tracker that is down
or slow costs a run nothing and misses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cmcore.events import Event


class Memory(Protocol):
    """What a tracker remembers between processes: small texts by name, kept in the state database."""

    def get(self, name: str) -> str:
        """The text under a name; empty if there is none."""
        ...

    def put(self, name: str, text: str) -> None:
        """Keep a text under a name, durably."""
        ...


class Tracker(Protocol):
    """One tracking backend. Made by a factory `(memory: Memory, folder: Path, **options)`; `folder` is the project's.

    Only one process at a time delivers to one tracker. Events that it does not care about are to be passed over.
    """

    def deliver(self, events: Sequence[Event]) -> None:
        """Take in events, the oldest first; returns once they are safe there.

        Must be idempotent: after a kill or a TrackerError the same events come again, in the same order, maybe in
        other portions. Raises TrackerError for what may go away (server down, timeout, full); anything else that is
        raised means that the first of these events can never be delivered: it is reported and passed over.
        """
        ...

    def link(self, run: str, node: str = "") -> str:
        """The address of a run's (or node's) page for people; empty if it is not known. Never asks the network."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...
