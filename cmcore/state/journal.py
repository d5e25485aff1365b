"""Journal: the append-only event log, of which a run's journal is its own events; and how far each consumer has read.

Every change of state in another package adds its event by `record`, in its own transaction. No event is ever changed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from pydantic import ValidationError

from cmcore.errors import StateError
from cmcore.events import Event
from cmcore.state.database import StateDatabase, transaction
from cmcore.state.driver_sql import driver_sql
from cmcore.state.lease import Lease, fence
from cmcore.state.tables import EVENT_COUNTER, EVENT_CURSORS, EVENTS

COUNT = (
    sa.update(EVENT_COUNTER)
    .values(last=EVENT_COUNTER.c.last + sa.bindparam("count", type_=sa.BigInteger))
    .returning(EVENT_COUNTER.c.last)
)
INSERT = sa.insert(EVENTS)
ADVANCE = sa.text(
    "INSERT INTO event_cursors (consumer, seq) VALUES (:consumer, :seq)"
    " ON CONFLICT (consumer) DO UPDATE SET seq = excluded.seq WHERE event_cursors.seq < excluded.seq"
)


class Journal:
    """The event log of one state database; threads may share it.

    Appends go through one connection of their own. On SQLite they survive every kill of the process, and the last
    ones may be lost in a power cut unless `power_safe` (0.2 ms instead of 0.05 ms, and 3 ms while the disk is busy).
    """

    def __init__(self, database: StateDatabase, *, power_safe: bool = False) -> None:
        self._database, self._power_safe = database, power_safe
        self._connection: sa.Connection | None = None  # opened by the first append: most journals are only read
        self._lock = threading.Lock()

    def append(self, events: Sequence[Event], *, lease: Lease | None) -> None:
        """Add events in their order, all or none; LeaseLostError, and none, if the lease is not current.

        After a StateError on PostgreSQL (the connection broke) they may have been added: read before trying again.
        """
        with self._lock:
            connection = self._connection or self._database.dedicated(power_safe=self._power_safe)
            self._connection = connection
            with transaction(connection):
                record(connection, events, lease=lease)

    def confirm(self, lease: Lease) -> None:
        """Raise LeaseLostError unless the lease is current; nothing is written."""
        with self._database.reading() as connection:
            fence(connection, lease)

    def read(self, *, run: str = "", after: int = 0, limit: int = 1000) -> list[Event]:
        """Events of one run or of all that come after `after`, in order."""
        query = sa.select(EVENTS).where(EVENTS.c.seq > after).order_by(EVENTS.c.seq).limit(limit)
        if run:
            query = query.where(EVENTS.c.run == run)
        with self._database.reading() as connection:
            return [event_of(row) for row in connection.execute(query).mappings()]

    def head(self) -> int:
        """The number of the newest event; 0 before the first."""
        with self._database.reading() as connection:
            return connection.execute(sa.select(EVENT_COUNTER.c.last)).scalar() or 0

    def of_run(self, run: str) -> Iterator[Event]:
        """Every event of a run, the oldest first, a page at a time."""
        after = 0
        while events := self.read(run=run, after=after):
            after = events[-1].seq
            yield from events

    def cursor(self, consumer: str) -> int:
        """The last event that the consumer is done with; 0 before its first."""
        query = sa.select(EVENT_CURSORS.c.seq).where(EVENT_CURSORS.c.consumer == consumer)
        with self._database.reading() as connection:
            return connection.execute(query).scalar() or 0

    def advance(self, consumer: str, seq: int) -> None:
        """The consumer is done with events up to `seq`; a cursor never goes back."""
        with self._database.writing() as connection:
            connection.execute(ADVANCE, {"consumer": consumer, "seq": seq})


def record(connection: sa.Connection, events: Sequence[Event], *, lease: Lease | None = None) -> None:
    """Add events within a write transaction, best as its last step: it makes other writers wait for its end.

    That wait is the point. Numbers come from one row that stays locked until the commit, so events become visible in
    the order of their numbers, without gaps: a consumer that has seen n will never find a smaller one later. (With a
    PostgreSQL sequence, a transaction with a smaller number may commit after one with a greater number was read.)
    """
    if lease is not None:
        fence(connection, lease)
    if not events:
        return
    count = connection.exec_driver_sql(driver_sql(COUNT, connection.dialect), {"count": len(events)}).scalar_one()
    rows = [row_of(event, seq) for seq, event in enumerate(events, start=count - len(events) + 1)]
    connection.exec_driver_sql(driver_sql(INSERT, connection.dialect), rows)


def row_of(event: Event, seq: int) -> dict[str, object]:
    """The event as a row; its own `seq` does not count."""
    return {
        "seq": seq,
        "kind": event.kind.value,
        "at": event.at,
        "run": event.run,
        "node": event.node,
        "address": event.address,
        "data": json.dumps(event.data),  # ASCII, and NaN as Python writes it: every value comes back as it was
    }


def event_of(row: sa.RowMapping) -> Event:
    """The row as an event; StateError if a newer cmcore wrote a kind that this one does not know."""
    try:
        return Event.model_validate({**row, "data": json.loads(str(row["data"]))})
    except ValidationError as error:
        raise StateError(
            f"event {row['seq']} of kind {row['kind']!r} cannot be read by this cmcore. "
            "Try: pip install --upgrade cmcore"
        ) from error
