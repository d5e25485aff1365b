"""The tables of versions, as SQLAlchemy Core values, and their branch of migrations; a test compares the two.

No query is written here.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from cmcore.state.migration import Branch
from cmcore.state.tables import ROW_NUMBER

DATASETS_BRANCH = Branch(
    name="datasets", scripts=Path(__file__).parent / "migrations" / "versions", head="datasets_0001"
)
METADATA = sa.MetaData()

STORE = sa.Table(
    "data_store",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
)

VERSIONS = sa.Table(
    "data_versions",
    METADATA,
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
    sa.Index("data_versions_by_number", "dataset", "version", unique=True),
    sa.Index("data_versions_by_digest", "digest"),
)
