"""What a database driver complains about, said as a StateError with the next step to take.

Only errors of the driver are translated: a wrong statement of ours stays the bug that it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import exc

from cmcore.errors import StateError, UsageError

SQLITE_ADVICE: dict[int, str] = {
    sqlite3.SQLITE_BUSY: "Another process holds the write lock and may be stopped; find it with: fuser {path}",
    sqlite3.SQLITE_READONLY: "Give this user write access to the file and its folder, or name another database.",
    sqlite3.SQLITE_PERM: "Give this user write access to the file and its folder, or name another database.",
    sqlite3.SQLITE_FULL: "Free space on its file system (df {path}) and try again; nothing that was committed is lost.",
    sqlite3.SQLITE_IOERR: "Look at the file system's free space and health (df {path}; dmesg), then try again.",
    sqlite3.SQLITE_CANTOPEN: "See that its folder exists, and give this user write access to both.",
    sqlite3.SQLITE_CORRUPT: "The file is damaged and was left as it is; restore it from a backup.",
    sqlite3.SQLITE_NOTADB: "The file is not a SQLite database and was left as it is; name another one.",
}

POSTGRESQL_ADVICE: tuple[tuple[str, str], ...] = (  # by the start of the SQLSTATE, first match
    ("3D000", "Create the database first: createdb {path}"),
    ("53100", "Free space on the server's disk and try again; nothing that was committed is lost."),
    ("53", "The server is short of connections or memory; try again later."),
    ("25006", "The server is read-only (a standby?); name the primary in the URL."),
    ("25P03", "This process stood still in a transaction, which was undone; try again."),
    ("42501", "Grant this user the right to create and change tables."),
    ("55P03", "Another process holds a lock; look for it in pg_stat_activity and pg_locks."),
    ("57", "The server stopped or ended this session; try again when it is back."),
    ("08", "See that the server runs and that host and port of the URL are right."),
)


@contextmanager
def explained(url: sa.URL) -> Iterator[None]:
    """Turn driver errors into StateError, and texts that no database can keep into UsageError."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise UsageError(f"{str(error.object)[:80]!a} holds half of a surrogate pair: write it in UTF-8") from error
    except exc.DBAPIError as error:
        found = " ".join(str(error.orig).split()).rstrip(".") or type(error.orig).__name__
        raise StateError(
            f"the state database {shown(url)} cannot be used: {found}. {advice(error, url)}".strip()
        ) from error
    except exc.TimeoutError as error:
        raise StateError(f"the state database {shown(url)} has no free connection: {error}") from error


def advice(error: exc.DBAPIError, url: sa.URL) -> str:
    """The next step for this error; empty if there is none that would help."""
    if isinstance(error.orig, sqlite3.Error):
        primary_code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # absent where the module itself objects
        return SQLITE_ADVICE.get(primary_code, "").format(path=url.database)
    state = getattr(error.orig, "sqlstate", None)  # absent where there is no server to answer
    if state is None:
        return "See that the server runs, and that host, user, password and database of the URL are right."
    return next((text for start, text in POSTGRESQL_ADVICE if state.startswith(start)), "").format(path=url.database)


def shown(url: sa.URL) -> str:
    """The URL as it may stand in a message: without its password and without options, which may hold one."""
    return url.set(query={}).render_as_string(hide_password=True)
