"""Attachments: signatures and signed statements about payloads, by the payload's digest. Rows are only ever added.

Nothing is believed because it lies here: what an attachment is worth, its signature says.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from pydantic import JsonValue
from sqlalchemy import exc

from cmcore.events import Event, EventKind
from cmcore.provenance.signing.tables import ATTACHMENTS
from cmcore.state.database import StateDatabase
from cmcore.state.journal import record

LIMIT = 100


class Kind(StrEnum):
    """What an attachment is: a signature over the files, or a signed statement."""

    SIGNATURE = "signature"
    PROVENANCE = "provenance"
    CARD = "card"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One of them; `signer` is the fingerprint of the key that it claims, `digest` the payload's."""

    digest: str
    kind: Kind
    signer: str
    media_type: str
    content: bytes
    created_at: float = 0.0
    actor: str = ""


class Attachments:
    """The attachments of one state database."""

    def __init__(self, database: StateDatabase, *, actor: str, clock: Callable[[], float] = time.time) -> None:
        self._database, self._actor, self._clock = database, actor, clock

    def add(self, *attachments: Attachment) -> None:
        """Keep them, all or none, and tell of those that are new; one that is there already stays as it is."""
        at, new = self._clock(), list[Event]()
        with self._database.writing() as connection:
            for each in attachments:
                row = {name: getattr(each, name) for name in ("digest", "signer", "media_type", "content")}
                row |= {"kind": each.kind.value, "content_sha256": hashlib.sha256(each.content).hexdigest()}
                row |= {"created_at": at, "actor": self._actor}
                try:
                    with connection.begin_nested():
                        connection.execute(sa.insert(ATTACHMENTS), row)
                except exc.IntegrityError:
                    continue
                told: dict[str, JsonValue] = {"digest": each.digest, "kind": each.kind.value, "signer": each.signer}
                new.append(Event(kind=EventKind.SIGNATURE_ADDED, at=at, data={**told, "actor": self._actor}))
            record(connection, new)

    def of(self, digest: str, kind: Kind) -> list[Attachment]:
        """The newest first, at most a hundred."""
        columns = [column for column in ATTACHMENTS.c if column.name not in ("number", "content_sha256")]
        query = (
            sa.select(*columns)
            .where(ATTACHMENTS.c.digest == digest, ATTACHMENTS.c.kind == kind.value)
            .order_by(ATTACHMENTS.c.number.desc())
            .limit(LIMIT)
        )
        with self._database.reading() as connection:
            return [Attachment(**{**row, "kind": Kind(row["kind"])}) for row in connection.execute(query).mappings()]
