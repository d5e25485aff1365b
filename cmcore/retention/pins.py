"""Pins: what somebody wants kept, whatever its age. What a pin keeps is decided in `roots`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import sqlalchemy as sa

from cmcore.errors import NotFoundError, UsageError
from cmcore.events import Event, EventKind
from cmcore.retention.tables import PINS
from cmcore.state.database import StateDatabase
from cmcore.state.journal import record
from cmcore.state.lease import COLLECTION, refuse_while_held

REASON_LONGEST = 1000
SET = sa.text(
    "INSERT INTO pins (kind, name, reason, actor, pinned_at) VALUES (:kind, :name, :reason, :actor, :pinned_at)"
    " ON CONFLICT (kind, name) DO UPDATE SET reason = excluded.reason, actor = excluded.actor,"
    " pinned_at = excluded.pinned_at"
)


class PinKind(StrEnum):
    """What is pinned: a run by its name, a version as `model@1.2.0`, an artifact by its name in the lineage.

    Versions of data are never collected, and need no pin.
    """

    RUN = "run"
    VERSION = "version"
    ARTIFACT = "artifact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One pin, who set it, when (seconds since 1970) and why."""

    kind: PinKind
    name: str
    reason: str
    actor: str
    pinned_at: float


class Pins:
    """The pins of one project. Nothing is pinned while it is decided what is collected: LeaseHeldError."""

    def __init__(self, database: StateDatabase, *, actor: str, clock: Callable[[], float] = time.time) -> None:
        self._database, self._actor, self._clock = database, actor, clock

    def pin(self, kind: PinKind, name: str, *, reason: str = "") -> Pin:
        """Pin it; a pin that is there already gets the new reason, actor and time."""
        if not name or len(reason) > REASON_LONGEST or "\0" in name + reason:
            raise UsageError(
                f"a pin takes a name and a reason of at most {REASON_LONGEST} characters, both without NUL; found "
                f"{name!r} and {len(reason)} characters"
            )
        pin = Pin(kind=kind, name=name, reason=reason, actor=self._actor, pinned_at=self._clock())
        with self._database.writing() as connection:
            refuse_while_held(connection, COLLECTION)
            connection.execute(SET, asdict(pin))
            record(connection, [self._event(EventKind.PIN_SET, pin.pinned_at, kind, name, reason)])
        return pin

    def unpin(self, kind: PinKind, name: str) -> None:
        """Take a pin away; raises NotFoundError where there is none."""
        with self._database.writing() as connection:
            if connection.execute(sa.delete(PINS).where(*same(kind, name))).rowcount == 0:
                raise NotFoundError(f"{kind} {name!r} is not pinned; cm pin --list shows what is")
            record(connection, [self._event(EventKind.PIN_REMOVED, self._clock(), kind, name, "")])

    def list(self) -> Sequence[Pin]:
        """All pins, the oldest first."""
        query = sa.select(PINS).order_by(PINS.c.pinned_at, PINS.c.kind, PINS.c.name)
        with self._database.reading() as connection:
            return [Pin(**{**row, "kind": PinKind(row["kind"])}) for row in connection.execute(query).mappings()]

    def _event(self, what: EventKind, at: float, kind: PinKind, name: str, reason: str) -> Event:
        data = {"kind": kind.value, "name": name, "reason": reason, "actor": self._actor}
        return Event(kind=what, at=at, run=name if kind is PinKind.RUN else "", data=dict(data))


def same(kind: PinKind, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions that a row is this pin."""
    return PINS.c.kind == kind.value, PINS.c.name == name
