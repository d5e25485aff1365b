"""Versions of data, and the name of the store that their chunks belong to."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "datasets_0001"
down_revision = None
branch_labels = ("datasets",)
depends_on = None

ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; the store gets a name that no other one has."""
    store = op.create_table(
        "data_store",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
    )
    op.bulk_insert(store, [{"id": 1, "name": uuid4().hex}])
    op.create_table(
        "data_versions",
        sa.Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("span", sa.BigInteger),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
        sa.Column("store", sa.Text, nullable=False),
        sa.Column("files", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("attached", sa.Text, nullable=False),
        sa.Column("in_lineage", sa.Boolean, nullable=False),
    )
    op.create_index("data_versions_by_number", "data_versions", ["dataset", "version"], unique=True)
    op.create_index("data_versions_by_digest", "data_versions", ["digest"])
