"""What the audit log tells of aliases: every move, and which version was where at a time. Pure.

Only the log is asked, never the present state, so that the answer is as good as the chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import JsonValue

from cmcore.errors import StateError
from cmcore.events import EventKind
from cmcore.registry.chain import is_intact
from cmcore.registry.names import VersionNumber
from cmcore.registry.values import AuditEntry, Held, Move

MOVES = frozenset([EventKind.ALIAS_MOVED.value, EventKind.ALIAS_REMOVED.value])


def moves(entries: Iterable[AuditEntry], environment: str = "") -> Iterator[Move]:
    """The moves of one alias or of all, in the order of the entries; StateError at one that was changed since."""
    for entry in entries:
        if not is_intact(entry):
            raise StateError(
                f"entry {entry.seq} of the audit log was changed after it was written, so the log tells nothing for "
                "certain. See how far it holds: cm audit verify"
            )
        if entry.action in MOVES and environment in {"", entry.data["alias"]}:
            yield move_of(entry)


def move_of(entry: AuditEntry) -> Move:
    """What an entry about an alias says."""
    generation = entry.data["generation"]
    assert isinstance(generation, int)
    return Move(
        alias=str(entry.data["alias"]),
        version=VersionNumber.parse(entry.version) if entry.action == EventKind.ALIAS_MOVED else None,
        from_version=number_or_none(entry.data["from_version"]),
        generation=generation,
        at=entry.at,
        actor=entry.actor,
        reason=str(entry.data["reason"]),
    )


def number_or_none(value: JsonValue) -> VersionNumber | None:
    """A version as entries hold it; empty means that there was none."""
    return VersionNumber.parse(value) if isinstance(value, str) and value else None


def held_at(entries: Iterable[AuditEntry], environment: str, time: float) -> Held | None:
    """Which version an alias meant at a time; None where it meant none yet, or none any more."""
    last: Move | None = None
    for move in moves(entries, environment):
        if move.at <= time:
            last = move
    if last is None or last.version is None:
        return None
    return Held(version=last.version, actor=last.actor, since=last.at, reason=last.reason)
