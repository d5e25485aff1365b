"""Transaction: one change of the registry, whose audit entries and events are written last, whatever was done before.

The order of locks is the same for everybody: the model's row, the alias's row, the lease of collections, the end of the
log, the event counter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property

import sqlalchemy as sa
from pydantic import JsonValue

from cmcore.errors import StorageError
from cmcore.events import EventKind
from cmcore.registry.audit import Change, append
from cmcore.state.database import StateDatabase
from cmcore.state.lease import COLLECTION, refuse_while_held


class Transaction:
    """A connection in a write transaction, who acts, and what is to be told of it."""

    def __init__(
        self, connection: sa.Connection, *, actor: str, clock: Callable[[], float], gone: Callable[[str], str]
    ) -> None:
        self.connection = connection
        self.actor = actor
        self._gone = gone
        self.changes: list[Change] = []
        self._clock = clock

    def check_bytes(self, what: str, artifact: str) -> None:
        """Raise StorageError if this payload was collected, LeaseHeldError while some are; holds until the commit."""
        refuse_while_held(self.connection, COLLECTION)
        if artifact and (reason := self._gone(artifact)):
            raise StorageError(f"{what} has no bytes any more: {reason}")

    @cached_property
    def at(self) -> float:
        """When it happens: read at its first use, best after the locks, so that later changes have later times."""
        return float(self._clock())

    def read_clock_again(self) -> None:
        """Forget the time: it was read before a wait."""
        del self.at

    def tell(self, kind: EventKind, model: str, version: object = "", **data: JsonValue) -> None:
        """Have an entry and an event written when everything else is."""
        self.changes.append(Change(kind=kind, model=model, version=str(version), data=data))


@contextmanager
def changing(
    database: StateDatabase, *, actor: str, clock: Callable[[], float], gone: Callable[[str], str]
) -> Iterator[Transaction]:
    """A transaction whose changes are all kept, with their entries and events, or none of them."""
    with database.writing() as connection:
        transaction = Transaction(connection, actor=actor, clock=clock, gone=gone)
        yield transaction
        if transaction.changes:
            append(connection, transaction.changes, at=transaction.at, actor=actor)
