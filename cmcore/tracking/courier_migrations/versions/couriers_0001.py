"""What trackers remember between processes."""

import sqlalchemy as sa
from alembic import op

revision = "couriers_0001"
down_revision = None
branch_labels = ("couriers",)
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "tracker_memory",
        sa.Column("tracker", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
