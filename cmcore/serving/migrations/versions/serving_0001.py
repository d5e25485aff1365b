"""Endpoints, their revisions and deployments."""

import sqlalchemy as sa
from alembic import op

revision = "serving_0001"
down_revision = None
branch_labels = ("serving",)
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "endpoints",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("traffic", sa.JSON, nullable=False),
        sa.Column("moved_at", sa.Double, nullable=False),
        sa.Column("hold", sa.JSON),
    )
    op.create_table(
        "endpoint_revisions",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("wanted", sa.JSON, nullable=False),
        sa.Column("resolved", sa.JSON, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_table(
        "deployments",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("variant", sa.Text, nullable=False),
        sa.Column("backend", sa.Text, nullable=False),
        sa.Column("version", sa.JSON, nullable=False),
        sa.Column("others", sa.JSON, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("placement", sa.JSON, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
    )
    op.create_index("deployments_by_state", "deployments", ["state"])
