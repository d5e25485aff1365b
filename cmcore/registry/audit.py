"""AuditLog: the registry's append-only log, row by row, and its events; each change is written here exactly once.

Rows are only ever added. What a sound chain is, is decided in `chain`; what the entries mean, in `history`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import islice

import sqlalchemy as sa
from pydantic import JsonValue

from cmcore.document.write import canonical
from cmcore.events import Event, EventKind
from cmcore.registry.chain import AuditReport, Head, hash_of, verify
from cmcore.registry.tables import AUDIT, AUDIT_HEAD
from cmcore.registry.values import AuditEntry
from cmcore.state.database import StateDatabase, is_sqlite
from cmcore.state.journal import record
from cmcore.state.tables import EVENTS

PAGE = 1000
WITNESSED = (
    EventKind.MODEL_CREATED,
    EventKind.MODEL_DESCRIBED,
    EventKind.VERSION_REGISTERED,
    EventKind.VERSION_DESCRIBED,
    EventKind.APPROVAL_GIVEN,
    EventKind.APPROVAL_WITHDRAWN,
    EventKind.ALIAS_MOVED,
    EventKind.ALIAS_REMOVED,
    EventKind.PROMOTION_REFUSED,
    EventKind.POLICY_APPLIED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one entry is to say; the action is the kind of its event."""

    kind: EventKind
    model: str
    version: str = ""
    data: Mapping[str, JsonValue] = field(default_factory=dict)


class AuditLog:
    """Reads the log of one state database."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def head(self) -> Head:
        """The end of the chain, to be noted where nobody who can write this database can write."""
        with self._database.reading() as connection:
            return head_in(connection)

    def entries(self, *, model: str = "", after: int = 0) -> Iterator[AuditEntry]:
        """Entries about one model or about all, the oldest first, a page at a time."""
        with snapshot(self._database) as connection:
            yield from entries_in(connection, model=model, after=after)

    def verify(self, noted: Head | None = None) -> AuditReport:
        """Check the whole chain against itself, its head, the event log, and a head that was noted before."""
        with snapshot(self._database) as connection:
            return verified(connection, noted)


@contextmanager
def snapshot(database: StateDatabase) -> Iterator[sa.Connection]:
    """A connection whose statements all see the same moment."""
    with database.reading() as connection:
        begin = "BEGIN" if is_sqlite(connection) else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
        connection.exec_driver_sql(begin)
        yield connection


def verified(connection: sa.Connection, noted: Head | None = None) -> AuditReport:
    """What a connection sees of the log, checked as a whole."""
    return verify(entries_in(connection), head_in(connection), witnesses=witnesses_in(connection), noted=noted)


def lock(connection: sa.Connection) -> Head:
    """The end of the chain, which nobody else moves before this transaction ends."""
    return head_in(connection, lock=True)


def head_in(connection: sa.Connection, *, lock: bool = False) -> Head:
    """The head row."""
    query = sa.select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.hash)
    row = connection.execute(query.with_for_update() if lock else query).one()
    return Head(seq=row.seq, hash=row.hash)


def append(connection: sa.Connection, changes: Sequence[Change], *, at: float, actor: str) -> None:
    """Add entries and their events in a write transaction, as its last step: other writers wait for its end."""
    head = lock(connection)
    entries: list[AuditEntry] = []
    for change in changes:
        entry = linked(change, head, at=at, actor=actor)
        entries.append(entry)
        head = Head(seq=entry.seq, hash=entry.hash)
    connection.execute(sa.insert(AUDIT), [row_of(entry) for entry in entries])
    connection.execute(sa.update(AUDIT_HEAD).values(seq=head.seq, hash=head.hash))
    record(connection, [event_of(entry) for entry in entries])


def linked(change: Change, head: Head, *, at: float, actor: str) -> AuditEntry:
    """The entry that follows `head`."""
    entry = AuditEntry(
        seq=head.seq + 1,
        at=float(at),
        actor=actor,
        action=change.kind.value,
        model=change.model,
        version=change.version,
        data=dict(change.data),
        previous=head.hash,
        hash="",
    )
    return replace(entry, hash=hash_of(entry))


def row_of(entry: AuditEntry) -> dict[str, object]:
    """The entry as a row."""
    return {**asdict(entry), "data": canonical(dict(entry.data)).decode()}


def entry_of(row: sa.RowMapping) -> AuditEntry:
    """The row as an entry, also where somebody changed it into something that never was one."""
    return AuditEntry(**{**row, "data": data_of(str(row["data"]))})


def data_of(text: str) -> dict[str, JsonValue]:
    """What was written as canonical JSON, or the text itself under a key that nobody writes."""
    try:
        data = json.loads(text)
        if isinstance(data, dict) and canonical(data).decode() == text:
            return data
    except ValueError:
        pass
    return {"unreadable": text}


def event_of(entry: AuditEntry) -> Event:
    """The event that tells of an entry, and by the entry's hash also witnesses it."""
    audit: dict[str, JsonValue] = {"seq": entry.seq, "hash": entry.hash}
    version: dict[str, JsonValue] = {"version": entry.version} if entry.version else {}
    data = {**entry.data, **version, "model": entry.model, "actor": entry.actor, "audit": audit}
    return Event(kind=EventKind(entry.action), at=entry.at, data=data)


def entries_in(connection: sa.Connection, *, model: str = "", after: int = 0) -> Iterator[AuditEntry]:
    """Entries in the order of their numbers."""
    query = sa.select(AUDIT).order_by(AUDIT.c.seq).limit(PAGE)
    if model:
        query = query.where(AUDIT.c.model == model)
    while rows := connection.execute(query.where(AUDIT.c.seq > after)).mappings().all():
        yield from map(entry_of, rows)
        after = rows[-1]["seq"]


def newest_move(connection: sa.Connection, model: str, alias: str) -> list[AuditEntry]:
    """The entry that put an alias where it is; none where it was never set."""
    moved = (AUDIT.c.model == model, AUDIT.c.action == EventKind.ALIAS_MOVED.value)
    rows = connection.execute(sa.select(AUDIT).where(*moved).order_by(AUDIT.c.seq.desc())).mappings()
    entries = (entry for entry in map(entry_of, rows) if entry.data.get("alias") == alias)
    return list(islice(entries, 1))


def witnesses_in(connection: sa.Connection) -> Iterator[Head]:
    """The heads that the event log recorded, in its order."""
    after = 0
    query = (
        sa.select(EVENTS.c.seq, EVENTS.c.data).where(EVENTS.c.kind.in_(WITNESSED)).order_by(EVENTS.c.seq).limit(PAGE)
    )
    while rows := connection.execute(query.where(EVENTS.c.seq > after)).all():
        for row in rows:
            yield witnessed(row.data)
        after = rows[-1].seq


def witnessed(text: str) -> Head:
    """The head that an event's data names; one that fits no entry where there is none."""
    try:
        audit = json.loads(text)["audit"]
        return Head(seq=int(audit["seq"]), hash=str(audit["hash"]))
    except (ValueError, TypeError, KeyError):
        return Head(seq=0, hash="unreadable")
