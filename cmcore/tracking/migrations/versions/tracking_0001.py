"""Runs and what they have tracked, as read from the event log."""

import sqlalchemy as sa
from alembic import op

revision = "tracking_0001"
down_revision = None
branch_labels = ("tracking",)
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    make_runs()
    make_values()
    make_series()
    make_labels()
    make_files()


def make_of_runs(name: str, *columns: sa.Column[object]) -> None:
    """A table with rows of runs."""
    number = sa.Column("run_number", NUMBER, primary_key=True, autoincrement=False)
    op.create_table(name, number, *columns, sqlite_with_rowid=False)


def make_runs() -> None:
    """Runs and their nodes."""
    op.create_table(
        "tracked_runs",
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
    )
    op.create_index("tracked_runs_by_pipeline", "tracked_runs", ["pipeline", "number"])
    make_of_runs(
        "tracked_nodes",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("component", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("cached_run", sa.Text, nullable=False),
        sa.Column("cached_node", sa.Text, nullable=False),
    )


def make_values() -> None:
    """Parameters and metrics."""
    make_of_runs(
        "tracked_params",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("number", sa.Double),
        sa.Column("layer", sa.Text, nullable=False),
    )
    make_of_runs(
        "tracked_metrics",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("number", sa.Double),
    )


def make_series() -> None:
    """Series of metrics by step, readings of the machine by time, and the names of both."""
    make_of_runs(
        "tracked_series",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("system", sa.Boolean, primary_key=True),
    )
    make_of_runs(
        "tracked_points",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("step", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("number", sa.Double),
    )
    make_of_runs(
        "tracked_readings",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", sa.Double, primary_key=True),
        sa.Column("number", sa.Double),
    )


def make_labels() -> None:
    """Tags and notes."""
    make_of_runs(
        "tracked_tags",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("number", sa.Double),
    )
    make_of_runs(
        "tracked_notes",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )


def make_files() -> None:
    """Tracked files and published artifacts."""
    make_of_runs(
        "tracked_files",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("step", NUMBER),
    )
    make_of_runs(
        "tracked_artifacts",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("output", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
