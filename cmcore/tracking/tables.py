"""The tables of what runs have tracked; `migrations/` makes them, a test compares the two.

All of them can be made again from the event log at any time. `run_number` is the log's number of the run's start.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from cmcore.state.migration import Branch

METADATA = sa.MetaData()

TRACKING_BRANCH = Branch(
    name="tracking", scripts=Path(__file__).parent / "migrations" / "versions", head="tracking_0001"
)

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def of_runs(
    name: str, *parts: sa.Column[str] | sa.Column[int] | sa.Column[float] | sa.Column[bool] | sa.Index
) -> sa.Table:
    """A table with rows of runs; SQLite keeps each in the order of its key, once."""
    number = sa.Column("run_number", NUMBER, primary_key=True, autoincrement=False)
    return sa.Table(name, METADATA, number, *parts, sqlite_with_rowid=False)


RUNS = sa.Table(
    "tracked_runs",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("run", sa.Text, nullable=False, unique=True),
    sa.Column("pipeline", sa.Text, nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("finished_at", sa.Double),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("code_commit", sa.Text, nullable=False),
    sa.Column("code_changes", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("command", sa.Text, nullable=False),
    sa.Index("tracked_runs_by_pipeline", "pipeline", "number"),
)

NODES = of_runs(
    "tracked_nodes",
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("component", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("cached_run", sa.Text, nullable=False),
    sa.Column("cached_node", sa.Text, nullable=False),
)

PARAMS = of_runs(
    "tracked_params",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("number", sa.Double),
    sa.Column("layer", sa.Text, nullable=False),
)

METRICS = of_runs(
    "tracked_metrics",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("number", sa.Double),
)

SERIES = of_runs(
    "tracked_series",
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("system", sa.Boolean, primary_key=True),
)

POINTS = of_runs(
    "tracked_points",
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("step", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("number", sa.Double),
)

READINGS = of_runs(
    "tracked_readings",
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", sa.Double, primary_key=True),
    sa.Column("number", sa.Double),
)

TAGS = of_runs(
    "tracked_tags",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("number", sa.Double),
)

NOTES = of_runs(
    "tracked_notes",
    sa.Column("seq", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)

FILES = of_runs(
    "tracked_files",
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("step", NUMBER),
)

ARTIFACTS = of_runs(
    "tracked_artifacts",
    sa.Column("node", sa.Text, primary_key=True),
    sa.Column("output", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("uri", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
)

OF_ATTEMPTS = (PARAMS, METRICS, SERIES, POINTS, READINGS, TAGS, NOTES, FILES, ARTIFACTS)
"""What an attempt at a node leaves, and the next attempt replaces."""
