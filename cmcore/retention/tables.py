"""The table of pins, as a SQLAlchemy Core value, and its branch of migrations; a test compares the two.

No query is written here.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from cmcore.state.migration import Branch

RETENTION_BRANCH = Branch(
    name="retention", scripts=Path(__file__).parent / "migrations" / "versions", head="retention_0001"
)
METADATA = sa.MetaData()

PINS = sa.Table(
    "pins",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("pinned_at", sa.Double, nullable=False),
)
