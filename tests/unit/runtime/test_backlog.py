"""Records wait a moment, then leave together."""

from __future__ import annotations

from pydantic import JsonValue

from cmcore.runtime.backlog import FLUSH_RECORDS, FLUSH_S, Backlog
from cmcore.tracked import Point

ADDRESS = "run-1/train/1"


def point(step: int) -> dict[str, JsonValue]:
    return Point(at=1.0, name="loss", step=step, value=0.5).model_dump(mode="json")


def test_a_record_is_not_due_at_once() -> None:
    backlog = Backlog()
    backlog.add(ADDRESS, point(0), 10.0)
    assert backlog.due(10.0) == []


def test_a_record_is_due_after_a_moment() -> None:
    backlog = Backlog()
    backlog.add(ADDRESS, point(0), 10.0)
    assert (backlog.due_at(), backlog.due(10.0 + FLUSH_S)) == (10.0 + FLUSH_S, [ADDRESS])


def test_many_records_are_due_at_once() -> None:
    backlog = Backlog()
    for step in range(FLUSH_RECORDS):
        backlog.add(ADDRESS, point(step), 10.0)
    assert backlog.due(10.0) == [ADDRESS]


def test_records_are_taken_once_in_their_order() -> None:
    backlog = Backlog()
    backlog.add(ADDRESS, point(0), 10.0)
    backlog.add(ADDRESS, point(1), 10.0)
    assert (backlog.taken(ADDRESS), backlog.taken(ADDRESS), backlog.due_at()) == ([point(0), point(1)], [], None)


def test_what_is_no_record_is_left_out() -> None:
    backlog = Backlog()
    backlog.add(ADDRESS, {"kind": "surprise"}, 10.0)
    assert backlog.taken(ADDRESS) == []
