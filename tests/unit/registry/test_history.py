"""What the log tells of the past; the entries here are made without a database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import JsonValue

from cmcore.errors import StateError
from cmcore.events import EventKind
from cmcore.registry.audit import Change, linked
from cmcore.registry.chain import START, Head
from cmcore.registry.history import held_at, moves
from cmcore.registry.names import VersionNumber
from cmcore.registry.values import AuditEntry


def entries(*told: tuple[float, str, str, str]) -> list[AuditEntry]:
    """A log of moves: when, who, which alias, to which version; none: removed."""
    head, log, last = START, list[AuditEntry](), dict[str, tuple[int, str]]()
    for at, actor, alias, version in told:
        generation, before = last.get(alias, (0, ""))
        last[alias] = (generation + 1, version)
        data: dict[str, JsonValue] = {
            "alias": alias, "from_version": before, "generation": generation + 1, "reason": f"by {actor}",
        }  # fmt: skip
        kind = EventKind.ALIAS_MOVED if version else EventKind.ALIAS_REMOVED
        entry = linked(
            Change(kind=kind, model="flights", version=version or before, data=data), head, at=at, actor=actor
        )
        log.append(entry)
        head = Head(seq=entry.seq, hash=entry.hash)
    return log


LOG = entries(
    (10, "ana", "production", "1.0.0"),
    (15, "kim", "dev", "1.3.0"),
    (20, "bob", "production", "1.1.0"),
    (30, "eve", "production", ""),
    (40, "joe", "production", "1.0.0"),
)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (9.9, None), (10, ("1.0.0", "ana", 10)), (19.9, ("1.0.0", "ana", 10)), (20, ("1.1.0", "bob", 20)),
        (29.9, ("1.1.0", "bob", 20)), (30, None), (39.9, None), (40, ("1.0.0", "joe", 40)),
        (1e12, ("1.0.0", "joe", 40)),
    ],
)  # fmt: skip
def test_what_was_in_production_at(time: float, expected: tuple[str, str, float] | None) -> None:
    held = held_at(moves(LOG, "production"), time)
    assert (held and (str(held.version), held.actor, held.since)) == expected


def test_moves_of_one_environment_are_told_in_their_order() -> None:
    assert [move.actor for move in moves(LOG, "production")] == ["ana", "bob", "eve", "joe"]


def test_moves_of_all_are_told_where_none_is_named() -> None:
    assert [move.version for move in moves(LOG)][1] == VersionNumber(1, 3, 0)


def test_a_log_that_was_changed_tells_nothing() -> None:
    forged = [replace(LOG[0], actor="mallory"), *LOG[1:]]
    with pytest.raises(StateError, match=r"entry 1 of the audit log was changed.*cm audit verify"):
        held_at(moves(forged, "production"), 50)


@pytest.mark.parametrize("lacking", [0, 2, 3])
def test_a_log_that_lacks_a_move_tells_nothing(lacking: int) -> None:
    with pytest.raises(StateError, match=r"lacks a move of 'production'.*cm audit verify"):
        list(moves([*LOG[:lacking], *LOG[lacking + 1 :]]))
