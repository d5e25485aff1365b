"""Models, versions and what is found by; aliases, approvals, notes, links, policies; the audit log and its head."""

import sqlalchemy as sa
from alembic import op

revision = "registry_0001"
down_revision = None
branch_labels = ("registry",)
depends_on = None

ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

APPEND_ONLY = {
    "sqlite": """
CREATE TRIGGER registry_audit_unchanged BEFORE UPDATE ON registry_audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
--
CREATE TRIGGER registry_audit_undeleted BEFORE DELETE ON registry_audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
""",
    "postgresql": """
CREATE FUNCTION registry_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$
--
CREATE TRIGGER registry_audit_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON registry_audit
FOR EACH STATEMENT EXECUTE FUNCTION registry_audit_append_only()
""",
}


def upgrade() -> None:
    """Make the tables; the audit log begins with a hash of zeros, so that its first entry is number 1."""
    make_versions()
    make_finders()
    make_governance()
    make_remarks()
    make_audit()


def make_versions() -> None:
    """Models and their versions."""
    op.create_table(
        "registry_models",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("properties", sa.Text, nullable=False),
    )
    op.create_table(
        "registry_versions",
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
    )
    number = ["model", "major", "minor", "pipeline"]
    op.create_index("registry_versions_by_number", "registry_versions", number, unique=True)
    op.create_index("registry_versions_by_digest", "registry_versions", ["model", "digest"], unique=True)
    op.create_index("registry_versions_by_run", "registry_versions", ["run"])


def make_finders() -> None:
    """What versions are found by: metrics, properties, imported data."""
    op.create_table(
        "registry_metrics",
        sa.Column("version_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("number", sa.Double),
        sa.Column("low", sa.Double),
        sa.Column("high", sa.Double),
    )
    op.create_index("registry_metrics_by_number", "registry_metrics", ["name", "number", "version_id"])
    op.create_table(
        "registry_properties",
        sa.Column("version_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("number", sa.Double),
    )
    op.create_index("registry_properties_by_name", "registry_properties", ["name", "version_id"])
    op.create_table(
        "registry_data",
        sa.Column("version_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("registry_data_by_text", "registry_data", ["text", "version_id"])


def make_governance() -> None:
    """Who may call what production, and what does."""
    op.create_table(
        "registry_aliases",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version_id", sa.BigInteger),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("set_at", sa.Double, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
    )
    op.create_index("registry_aliases_by_version", "registry_aliases", ["version_id"])
    op.create_table(
        "registry_approvals",
        sa.Column("version_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("environment", sa.Text, primary_key=True),
        sa.Column("actor", sa.Text, primary_key=True),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("seen", sa.Text, nullable=False),
    )
    op.create_table(
        "registry_policies",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("applied_at", sa.Double, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
    )


def make_remarks() -> None:
    """What people say about models and versions."""
    op.create_table(
        "registry_notes",
        sa.Column("number", ROW_NUMBER, primary_key=True, autoincrement=True),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("registry_notes_by_version", "registry_notes", ["model", "version", "number"])
    op.create_table(
        "registry_links",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("rel", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
    )


def make_audit() -> None:
    """The log, its end, and what keeps rows from being changed by mistake; against intent there is the chain."""
    op.create_table(
        "registry_audit",
        sa.Column("seq", ROW_NUMBER, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_index("registry_audit_by_model", "registry_audit", ["model", "seq"])
    head = op.create_table(
        "registry_audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "seq": 0, "hash": "0" * 64}])
    for statement in APPEND_ONLY[op.get_bind().dialect.name].split("--"):
        op.execute(statement)
