"""TrackerMemory: small texts that one tracker keeps in the state database. What they mean is the tracker's affair."""

from __future__ import annotations

import sqlalchemy as sa

from cmcore.state.database import StateDatabase
from cmcore.state.lease import Lease, fence
from cmcore.tracking.delivery_tables import TRACKER_MEMORY

KEEP = sa.text(
    "INSERT INTO tracker_memory (tracker, name, text) VALUES (:tracker, :name, :text)"
    " ON CONFLICT (tracker, name) DO UPDATE SET text = excluded.text"
)


class TrackerMemory:
    """The texts of one tracker. With a lease, whoever lost it writes nothing more: LeaseLostError."""

    def __init__(self, database: StateDatabase, tracker: str, *, lease: Lease | None = None) -> None:
        self._database, self._tracker, self._lease = database, tracker, lease

    def get(self, name: str) -> str:
        """The text under a name; empty if there is none."""
        query = sa.select(TRACKER_MEMORY.c.text).where(self._is(name))
        with self._database.reading() as connection:
            return connection.execute(query).scalar() or ""

    def put(self, name: str, text: str) -> None:
        """Keep a text under a name, durably; an empty one takes no room."""
        with self._database.writing() as connection:
            if self._lease is not None:
                fence(connection, self._lease)
            if text:
                connection.execute(KEEP, {"tracker": self._tracker, "name": name, "text": text})
            else:
                connection.execute(sa.delete(TRACKER_MEMORY).where(self._is(name)))

    def _is(self, name: str) -> sa.ColumnElement[bool]:
        return sa.and_(TRACKER_MEMORY.c.tracker == self._tracker, TRACKER_MEMORY.c.name == name)
