"""The table of attachments, as a SQLAlchemy Core value, and its branch of migrations; a test compares the two."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from cmcore.state.migration import Branch
from cmcore.state.tables import ROW_NUMBER

PROVENANCE_BRANCH = Branch(
    name="provenance", scripts=Path(__file__).parent / "migrations" / "versions", head="provenance_0001"
)
METADATA = sa.MetaData()

ATTACHMENTS = sa.Table(
    "attachments",
    METADATA,
    sa.Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("signer", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("content_sha256", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Index("attachments_by_content", "digest", "kind", "content_sha256", unique=True),
)
