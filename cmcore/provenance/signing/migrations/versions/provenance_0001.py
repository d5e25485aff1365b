"""What is said about payloads and signed: one row for each signature or statement, only ever added."""

import sqlalchemy as sa
from alembic import op

revision = "provenance_0001"
down_revision = None
branch_labels = ("provenance",)
depends_on = None

ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "attachments",
        sa.Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("signer", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("content_sha256", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
    )
    op.create_index("attachments_by_content", "attachments", ["digest", "kind", "content_sha256"], unique=True)
