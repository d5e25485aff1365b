"""The tables of endpoints, their revisions and deployments, and their branch of migrations; a test compares the two.

No query is written here.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from cmcore.state.migration import Branch

SERVING_BRANCH = Branch(name="serving", scripts=Path(__file__).parent / "migrations" / "versions", head="serving_0001")
METADATA = sa.MetaData()

ENDPOINTS = sa.Table(
    "endpoints",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("traffic", sa.JSON, nullable=False),
    sa.Column("moved_at", sa.Double, nullable=False),
    sa.Column("hold", sa.JSON),
)
REVISIONS = sa.Table(
    "endpoint_revisions",
    METADATA,
    sa.Column("endpoint", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("document", sa.JSON, nullable=False),
    sa.Column("wanted", sa.JSON, nullable=False),
    sa.Column("resolved", sa.JSON, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
)
DEPLOYMENTS = sa.Table(
    "deployments",
    METADATA,
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
    sa.Index("deployments_by_state", "state"),
)
