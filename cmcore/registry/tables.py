"""The registry's tables, as SQLAlchemy Core values, and its branch of migrations; a test compares the two.

No query is written here. Rows belong to a version by its `id`, which is this database's own affair, or by model and
number where the row may outlive or precede it.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from cmcore.state.migration import Branch
from cmcore.state.tables import ROW_NUMBER

REGISTRY_BRANCH = Branch(
    name="registry", scripts=Path(__file__).parent / "migrations" / "versions", head="registry_0001"
)
METADATA = sa.MetaData()

MODELS = sa.Table(
    "registry_models",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("properties", sa.Text, nullable=False),
)

VERSIONS = sa.Table(
    "registry_versions",
    METADATA,
    sa.Column("id", ROW_NUMBER, primary_key=True, autoincrement=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("major", sa.Integer, nullable=False),
    sa.Column("minor", sa.Integer, nullable=False),
    sa.Column("pipeline", sa.Integer, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("uri", sa.Text, nullable=False),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("blessed", sa.Text),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("bump", sa.Text, nullable=False),
    sa.Column("override", sa.Text, nullable=False),
    sa.Index("registry_versions_by_number", "model", "major", "minor", "pipeline", unique=True),
    sa.Index("registry_versions_by_digest", "model", "digest", unique=True),
    sa.Index("registry_versions_by_run", "run"),
)

METRICS = sa.Table(
    "registry_metrics",
    METADATA,
    sa.Column("version_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("number", sa.Double),
    sa.Column("low", sa.Double),
    sa.Column("high", sa.Double),
    sa.Index("registry_metrics_by_number", "name", "number", "version_id"),
)

PROPERTIES = sa.Table(
    "registry_properties",
    METADATA,
    sa.Column("version_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("number", sa.Double),
    sa.Index("registry_properties_by_name", "name", "version_id"),
)

DATA = sa.Table(
    "registry_data",
    METADATA,
    sa.Column("version_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("registry_data_by_text", "text", "version_id"),
)

ALIASES = sa.Table(
    "registry_aliases",
    METADATA,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version_id", sa.BigInteger),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("set_at", sa.Double, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Index("registry_aliases_by_version", "version_id"),
)

APPROVALS = sa.Table(
    "registry_approvals",
    METADATA,
    sa.Column("version_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("actor", sa.Text, primary_key=True),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double),
    sa.Column("seen", sa.Text, nullable=False),
)

NOTES = sa.Table(
    "registry_notes",
    METADATA,
    sa.Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("registry_notes_by_version", "model", "version", "number"),
)

LINKS = sa.Table(
    "registry_links",
    METADATA,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("rel", sa.Text, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
)

POLICIES = sa.Table(
    "registry_policies",
    METADATA,
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("applied_at", sa.Double, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
)

AUDIT = sa.Table(
    "registry_audit",
    METADATA,
    sa.Column("seq", ROW_NUMBER, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("previous", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Index("registry_audit_by_model", "model", "seq"),
)

AUDIT_HEAD = sa.Table(
    "registry_audit_head",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
