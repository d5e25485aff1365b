"""Brings the tables up to the end of the event log, a portion at a time. What events mean is `changes`' affair.

The rows and the place in the log are written in one transaction, so that each event is applied exactly once, whoever
is killed and however many processes do this at once. A run pays nothing for it: the first who asks does the work.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa

from cmcore.events import Event, EventKind
from cmcore.state.database import StateDatabase, is_sqlite, transaction
from cmcore.state.driver_sql import driver_sql
from cmcore.state.failures import explained
from cmcore.state.journal import event_of
from cmcore.state.tables import EVENT_COUNTER, EVENT_CURSORS, EVENTS
from cmcore.state.tables import RUNS as RUN_ROWS
from cmcore.tracking.changes import Change, Row, changes, mapping
from cmcore.tracking.statements import AT_ONCE, IN_ORDER, Statement
from cmcore.tracking.tables import RUNS

CONSUMER = "tracking"
PORTION_EVENTS, PORTION_RECORDS = 150, 1000  # for how long others cannot write into SQLite: some 5 ms
PAUSE_S = 0.01  # who waits for SQLite asks it again and again, and needs moments in which it is free
KINDS = frozenset({
    EventKind.RUN_STARTED, EventKind.RUN_RESUMED, EventKind.RUN_FINISHED, EventKind.ATTEMPT_SUBMITTED,
    EventKind.ATTEMPT_TRACKED, EventKind.ARTIFACT_PUBLISHED, EventKind.NODE_FINISHED, EventKind.RUN_TAGGED,
    EventKind.RUN_NOTED,
})  # fmt: skip
STARTS = frozenset({EventKind.RUN_STARTED, EventKind.RUN_RESUMED})
CURSOR = sa.select(EVENT_CURSORS.c.seq).where(EVENT_CURSORS.c.consumer == CONSUMER)
FIRST = sa.text("INSERT INTO event_cursors (consumer, seq) VALUES (:consumer, 0) ON CONFLICT DO NOTHING")


def catch_up(database: StateDatabase) -> None:
    """Apply every event that was logged before this call, and maybe later ones."""
    goal = last_event(database)
    if cursor(database) >= goal:
        return
    with own_connection(database) as connection:
        while (done := apply_portion(connection)) is not None and done < goal:
            time.sleep(PAUSE_S if is_sqlite(connection) else 0)


@contextmanager
def own_connection(database: StateDatabase) -> Iterator[sa.Connection]:
    """A connection that lets SQLite write to the disk when it likes.

    What a power cut takes away is read from the log again, and nobody has to wait while a disk is busy.
    """
    with explained(database.engine.url), database.engine.connect() as connection:
        if is_sqlite(connection):
            connection.detach()  # the setting below must never go back to the pool
            connection.exec_driver_sql("PRAGMA synchronous = NORMAL")
            connection.commit()
        yield connection


def last_event(database: StateDatabase) -> int:
    """The number of the newest event."""
    with database.reading() as connection:
        return connection.execute(sa.select(EVENT_COUNTER.c.last)).scalar() or 0


def cursor(database: StateDatabase) -> int:
    """The number of the last event that was applied."""
    with database.reading() as connection:
        return connection.execute(CURSOR).scalar() or 0


def apply_portion(connection: sa.Connection) -> int | None:
    """Apply the next events in one transaction; the number of the last of them, None if there were none left.

    Whoever else wants to waits for its end, then finds less.
    """
    with transaction(connection):
        connection.execute(FIRST, {"consumer": CONSUMER})
        rows = list(portion(connection, connection.execute(CURSOR.with_for_update()).scalar_one()))
        if not rows:
            return None
        apply(connection, [event_of(row) for row in rows if row["kind"] in KINDS])
        done: int = rows[-1]["seq"]
        connection.execute(sa.update(EVENT_CURSORS).where(EVENT_CURSORS.c.consumer == CONSUMER).values(seq=done))
        return done


def apply(connection: sa.Connection, events: Sequence[Event]) -> None:
    """Apply these events within a transaction."""
    numbers = run_numbers(connection, events)
    work = Work(connection)
    for event in with_older(connection, events):
        if (number := numbers.get(event.run)) is not None:
            work.do(changes(event, number))
    work.finish()


def portion(connection: sa.Connection, done: int) -> Iterator[sa.RowMapping]:
    """The next rows of the log, few enough that others need not wait long."""
    query = sa.select(EVENTS).where(EVENTS.c.seq > done).order_by(EVENTS.c.seq).limit(PORTION_EVENTS)
    size = 0
    for row in connection.execute(query).mappings():
        yield row
        size += len(row["data"]) // 64  # hardly any record has fewer characters
        if size > PORTION_RECORDS:
            return


def run_numbers(connection: sa.Connection, events: Sequence[Event]) -> Mapping[str, int]:
    """The numbers of the runs that these events are about; runs of which no start is known have none."""
    names = {event.run for event in events}
    found = connection.execute(sa.select(RUNS.c.run, RUNS.c.number).where(RUNS.c.run.in_(names)))
    numbers: dict[str, int] = {row.run: row.number for row in found}
    for event in events:
        if event.kind in STARTS:
            numbers.setdefault(event.run, event.seq)
    return numbers


def with_older(connection: sa.Connection, events: Sequence[Event]) -> Iterator[Event]:
    """The events; starts from before they told of parameters and code tell now what the run's row says."""
    silent = [event.run for event in events if event.kind in STARTS and "actor" not in event.data]
    query = sa.select(RUN_ROWS).where(RUN_ROWS.c.run.in_(silent))
    known = {row["run"]: told_by(row) for row in connection.execute(query).mappings()} if silent else {}
    for event in events:
        is_silent = event.kind in STARTS and event.run in known
        yield event.model_copy(update={"data": {**known[event.run], **event.data}}) if is_silent else event


def told_by(row: sa.RowMapping) -> Row:
    """What a run's row says that its start would say today."""
    facts = mapping(json.loads(row["options"]).get("facts"))
    return {**facts, "pipeline": row["pipeline"], "project": row["project"], "actor": row["actor"]}


@dataclass(slots=True)
class Work:
    """Changes that are due, gathered by statement: a thousand small ones cost as much as a few."""

    connection: sa.Connection
    due: dict[Statement, list[Row]] = field(default_factory=dict)

    def do(self, found: Iterable[Change]) -> None:
        """Carry changes out, now or at the end."""
        for change in found:
            if change.statement in AT_ONCE:
                self.finish()
                self.carry_out(change.statement, [change.row])
            else:
                self.due.setdefault(change.statement, []).append(change.row)

    def finish(self) -> None:
        """Carry out what is due."""
        for statement in IN_ORDER:
            if rows := self.due.pop(statement, None):
                self.carry_out(statement, rows)

    def carry_out(self, statement: Statement, rows: list[Row]) -> None:
        """One statement, many times."""
        self.connection.exec_driver_sql(driver_sql(statement, self.connection.dialect), rows)
