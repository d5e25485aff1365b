"""From a URL to an engine: which driver speaks to the database, and how each of its connections is set up.

No table is known here. SQLite runs in the driver's autocommit mode: where a transaction begins, cmcore says.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from cmcore.errors import ConfigError
from cmcore.state.failures import shown

LOCK_TIMEOUT_S = 30  # longer than any transaction of ours by far: what waits this long waits for a stopped process

SQLITE_SETTINGS = (
    f"PRAGMA busy_timeout = {LOCK_TIMEOUT_S * 1000}",
    "PRAGMA foreign_keys = ON",
    "PRAGMA synchronous = FULL",
)

POSTGRESQL_SETTINGS = (
    f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'",
    "SET idle_in_transaction_session_timeout = '10s'",  # a writer stopped half-way must not stop all the others
)


def engine_for(url: str) -> sa.Engine:
    """An engine that has not connected yet; ConfigError for a URL that cmcore cannot use."""
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(parsed, paramstyle="named")
        event.listen(engine, "connect", set_up_sqlite)
        return engine
    try:
        engine = sa.create_engine(
            parsed,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            connect_args={"connect_timeout": 10} if "connect_timeout" not in parsed.query else {},
        )
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{shown(parsed)} needs psycopg, which is not installed. Try: pip install 'cmcore[postgresql]'"
        ) from error
    event.listen(engine, "connect", set_up_postgresql)
    return engine


def parse(url: str) -> sa.URL:
    """The URL with its driver named; a SQLite URL must name a file by its absolute path."""
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError as error:
        raise ConfigError("the state database's URL cannot be read; " + EXPECTED) from error
    match parsed.drivername:
        case "sqlite" if (parsed.database or "").startswith("/"):
            return parsed
        case "postgresql" | "postgresql+psycopg":
            return parsed.set(drivername="postgresql+psycopg")
    raise ConfigError(f"{shown(parsed)} cannot hold the state database; " + EXPECTED)


EXPECTED = "write sqlite:////absolute/path/state.db or postgresql://user@host/database"


def set_up_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Autocommit until BEGIN, and the settings that SQLite keeps per connection."""
    connection.isolation_level = None
    run_each(connection, SQLITE_SETTINGS)


def set_up_postgresql(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Limits on how long one of our sessions may wait or make others wait."""
    run_each(connection, POSTGRESQL_SETTINGS)
    connection.commit()


def run_each(connection: DBAPIConnection, statements: tuple[str, ...]) -> None:
    """Run constant statements on a bare driver connection."""
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    cursor.close()
