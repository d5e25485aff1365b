"""Statements rendered once must mean what SQLAlchemy would have run."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import pysqlite

from cmcore.state.driver_sql import driver_sql
from cmcore.state.journal import COUNT, INSERT
from cmcore.state.lease import FENCE

POSTGRESQL: sa.Dialect = psycopg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy left it untyped
SQLITE: sa.Dialect = pysqlite.dialect(paramstyle="named")


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL], ids=["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("statement", "parameters"),
    [(COUNT, {"count"}), (FENCE, {"lease_name", "lease_token"}), (INSERT, set(INSERT.table.columns.keys()))],
    ids=["count", "fence", "insert"],
)
def test_values_are_parameters_and_never_text(
    statement: sa.Executable, parameters: set[str], dialect: sa.Dialect
) -> None:
    text = driver_sql(statement, dialect)
    assert all(f":{name}" in text or f"%({name})s" in text for name in parameters)


def test_the_fence_keeps_a_lease_as_it_is_until_the_commit() -> None:
    assert driver_sql(FENCE, POSTGRESQL).endswith("FOR SHARE")
