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
    """The moves of one alias or of all, in the order of entries; StateError where one was changed or is missing."""
    last: dict[str, Move] = {}
    for entry in entries:
        if not is_intact(entry):
            raise StateError(
                f"entry {entry.seq} of the audit log was changed after it was written, so the log tells nothing for "
                "certain. See how far it holds: cm audit verify"
            )
        if entry.action in MOVES and environment in {"", entry.data["alias"]}:
            move = move_of(entry)
            check_follows(move, last.get(move.alias), entry.seq)
            last[move.alias] = move
            yield move


def check_follows(move: Move, before: Move | None, seq: int) -> None:
    """Raise StateError unless a move begins where the one before it ended."""
    generation, version = (before.generation, before.version) if before else (0, None)
    if (move.generation, move.from_version) != (generation + 1, version):
        raise StateError(
            f"the audit log lacks a move of {move.alias!r} before its entry {seq}: generation {generation} "
            f"({version or 'none'}) is followed by {move.generation}, from {move.from_version or 'none'}. See how far "
            "the log holds: cm audit verify"
        )


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


def held_at(told: Iterable[Move], time: float) -> Held | None:
    """Which version an alias meant at a time, by its moves; None where it meant none yet, or none any more."""
    last: Move | None = None
    for move in told:
        if move.at <= time:
            last = move
    if last is None or last.version is None:
        return None
    return Held(version=last.version, actor=last.actor, since=last.at, reason=last.reason)
