"""The SQL that keeps the tables up to date, in words that SQLite and PostgreSQL share. What is due when is not known.

Statements are groups that may be carried out in the order of `IN_ORDER`, whatever the order of their causes, as long
as none of `AT_ONCE` comes between.
"""

from __future__ import annotations

import sqlalchemy as sa

from cmcore.tracking import tables

Statement = sa.TextClause


def put(table: sa.Table) -> Statement:
    """Insert a row, or replace the one with its key."""
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]
    others = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
    conflict = f"DO UPDATE SET {others}" if others else "DO NOTHING"
    return sa.text(
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"  # noqa: S608 # names of our own
        f" ON CONFLICT ({', '.join(keys)}) {conflict}"
    )


def clear(table: sa.Table) -> Statement:
    """Forget what a node has in a table."""
    return sa.text(f"DELETE FROM {table.name} WHERE run_number = :run_number AND node = :node")  # noqa: S608 # likewise


def copy(table: sa.Table, *, only: str = "") -> Statement:
    """Give a node the rows of the node `cached_node` of the run `cached_run`, where it has none of the same key."""
    others = [column.name for column in table.columns if column.name not in {"run_number", "node"}]
    listed = ", ".join(others)
    return sa.text(
        f"INSERT INTO {table.name} (run_number, node, {listed})"  # noqa: S608 # likewise
        f" SELECT CAST(:run_number AS BIGINT), CAST(:node AS TEXT), {listed} FROM {table.name}"
        f" WHERE node = :cached_node AND run_number = (SELECT number FROM tracked_runs WHERE run = :cached_run) {only}"
        " ON CONFLICT DO NOTHING"
    )


PUT_RUN = put(tables.RUNS)
PUT_PARAM = put(tables.PARAMS)
PUT_METRIC = put(tables.METRICS)
PUT_SERIES = put(tables.SERIES)
PUT_POINT = put(tables.POINTS)
PUT_READING = put(tables.READINGS)
PUT_TAG = put(tables.TAGS)
PUT_NOTE = put(tables.NOTES)
PUT_FILE = put(tables.FILES)
PUT_ARTIFACT = put(tables.ARTIFACTS)
SET_STATE = sa.text("UPDATE tracked_runs SET state = :state, finished_at = :finished_at WHERE number = :run_number")
BEGIN_NODE = sa.text(
    "INSERT INTO tracked_nodes (run_number, node, component, state, cached_run, cached_node)"
    " VALUES (:run_number, :node, :component, 'RUNNING', '', '')"
    " ON CONFLICT (run_number, node) DO UPDATE SET component = excluded.component, state = 'RUNNING'"
)
END_NODE = sa.text(
    "INSERT INTO tracked_nodes (run_number, node, component, state, cached_run, cached_node)"
    " VALUES (:run_number, :node, '', :state, :cached_run, :cached_node)"
    " ON CONFLICT (run_number, node) DO UPDATE SET state = excluded.state, cached_run = excluded.cached_run,"
    " cached_node = excluded.cached_node"
)
COPIES = (
    *(copy(table) for table in (tables.PARAMS, tables.TAGS, tables.FILES, tables.ARTIFACTS)),
    copy(tables.SERIES, only="AND NOT system"),
)  # what is large (the points) is looked up where it is
REMOVE_TAG = sa.text("DELETE FROM tracked_tags WHERE run_number = :run_number AND name = :name")
CLEARS = tuple(clear(table) for table in tables.OF_ATTEMPTS)

IN_ORDER = (
    PUT_RUN, SET_STATE, BEGIN_NODE, END_NODE, PUT_PARAM, PUT_SERIES, PUT_POINT, PUT_READING, PUT_METRIC, PUT_TAG,
    PUT_NOTE, PUT_FILE, PUT_ARTIFACT, *COPIES,
)  # fmt: skip
AT_ONCE = frozenset({REMOVE_TAG, *CLEARS})
