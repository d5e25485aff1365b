"""StateDatabase: the one SQL database with leases, runs, events and whatever other packages keep beside them.

Transactions begin and end here; what is written in them is the business of the modules that own the tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import sqlalchemy as sa

from cmcore.state.engine import engine_for
from cmcore.state.failures import explained
from cmcore.state.migration import STATE_BRANCH, Branch, bring_to_head


class StateDatabase:
    """The one SQL database with leases, runs and journal. May be used from several threads, not across a fork."""

    def __init__(self, url: str) -> None:
        self.engine = engine_for(url)
        self._lent: list[sa.Connection] = []

    @classmethod
    def open(cls, url: str, *, branches: Sequence[Branch] = (STATE_BRANCH,)) -> Self:
        """Connect; make or migrate the tables of `branches` if need be. Any number of processes may do so at once."""
        database = cls(url)
        try:
            with explained(database.engine.url):
                bring_to_head(database.engine, branches)
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for look-ups; on SQLite each statement sees its own snapshot."""
        with explained(self.engine.url), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A write transaction, synced to disk when the block ends and undone when it raises."""
        with explained(self.engine.url), self.engine.connect() as connection, transaction(connection):
            yield connection

    def dedicated(self, *, power_safe: bool) -> sa.Connection:
        """A connection for one owner, who takes care that one thread uses it at a time; closed with the database.

        Without `power_safe`, SQLite does not wait for the disk: a commit survives every kill of the process, but a
        power cut may drop the last ones. PostgreSQL always waits.
        """
        with explained(self.engine.url):
            connection = self.engine.connect()
            if is_sqlite(connection):
                connection.detach()  # the setting below must never go back to the pool
                connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if power_safe else 'NORMAL'}")
                connection.commit()
        self._lent.append(connection)
        return connection

    def close(self) -> None:
        """Give all connections back; nothing of this database is used again."""
        while self._lent:
            self._lent.pop().close()
        self.engine.dispose()


@contextmanager
def transaction(connection: sa.Connection) -> Iterator[None]:
    """A write transaction on a connection that is in none.

    SQLite takes its write lock at once: a transaction that began as a reader could not wait for it later.
    """
    with explained(connection.engine.url), connection.begin():
        if is_sqlite(connection):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield


def is_sqlite(connection: sa.Connection) -> bool:
    """Whether this is SQLite, the one difference that callers may ask for."""
    return connection.dialect.name == "sqlite"
