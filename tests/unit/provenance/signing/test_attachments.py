"""Attachments: added, listed, and how their table comes about."""

from __future__ import annotations

from dataclasses import replace

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from cmcore.events import EventKind
from cmcore.provenance.signing.attachments import Attachment, Attachments, Kind
from cmcore.provenance.signing.tables import METADATA, PROVENANCE_BRANCH
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.migration import HERE

ONE = Attachment(digest="sha256:1", kind=Kind.SIGNATURE, signer="sha256:s", media_type="text/plain", content=b"\0one")


def is_ours(_: object, name: str | None, kind: str, __: bool, ___: object) -> bool:
    return kind != "table" or name == "attachments"


def test_the_declared_head_is_the_newest_script() -> None:
    scripts = ScriptDirectory(str(HERE), version_locations=[str(PROVENANCE_BRANCH.scripts)])
    assert scripts.get_heads() == [PROVENANCE_BRANCH.head]


def test_migrations_make_the_table_that_the_code_expects(database: StateDatabase) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_ours})
        assert compare_metadata(context, METADATA) == []


def test_what_was_added_comes_back_with_who_and_when(attachments: Attachments) -> None:
    attachments.add(ONE)
    assert attachments.of("sha256:1", Kind.SIGNATURE) == [replace(ONE, created_at=7.0, actor="ada")]


def test_the_newest_comes_first(attachments: Attachments) -> None:
    attachments.add(ONE)
    attachments.add(replace(ONE, content=b"two"))
    assert [each.content for each in attachments.of("sha256:1", Kind.SIGNATURE)] == [b"two", b"\0one"]


def test_adding_twice_is_the_same_as_once(attachments: Attachments) -> None:
    attachments.add(ONE, ONE)
    attachments.add(ONE, replace(ONE, content=b"two"))
    assert len(attachments.of("sha256:1", Kind.SIGNATURE)) == 2


def test_other_payloads_and_kinds_are_not_listed(attachments: Attachments) -> None:
    attachments.add(ONE, replace(ONE, digest="sha256:2"), replace(ONE, kind=Kind.CARD))
    assert len(attachments.of("sha256:1", Kind.SIGNATURE)) == 1


def test_what_is_new_is_told_once(attachments: Attachments, database: StateDatabase) -> None:
    attachments.add(replace(ONE, content=b"told"))
    attachments.add(replace(ONE, content=b"told"))
    told = [event for event in Journal(database).read() if event.kind is EventKind.SIGNATURE_ADDED]
    assert [event.data["actor"] for event in told] == ["ada"]
