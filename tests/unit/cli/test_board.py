"""The board of a run: rows by events."""

from __future__ import annotations

from pydantic import JsonValue

from cmcore.cli.view.board import Board, Row
from cmcore.cli.view.live import most_telling
from cmcore.events import Event, EventKind
from cmcore.runtime.states import NodeState


def event(what: EventKind, at: float = 0.0, /, *, node: str = "a", attempt: int = 1, **data: JsonValue) -> Event:
    """One event of a node."""
    return Event(kind=what, at=at, run="r", node=node, address=f"r/{node}/{attempt}", data=data)


def heard(*events: Event) -> Row:
    """The row of node a after these events."""
    board = Board({"a": NodeState.WAITING, "b": NodeState.WAITING}, {})
    for each in events:
        board.hear(each)
    return board.rows["a"]


STARTED = event(EventKind.ATTEMPT_SUBMITTED, 10.0)


def test_a_submitted_attempt_runs() -> None:
    assert (heard(STARTED).state, heard(STARTED).duration_s(12.5)) == (NodeState.RUNNING, 2.5)


def test_progress_is_kept_with_its_message() -> None:
    row = heard(STARTED, event(EventKind.ATTEMPT_PROGRESSED, 11, kind="progress", done=1.0, total=4.0, message="m"))
    assert (row.done, row.total, row.message) == (1.0, 4.0, "m")


def test_the_last_value_of_a_metric_wins() -> None:
    told = [event(EventKind.ATTEMPT_PROGRESSED, 11, kind="metric", name="loss", value=value) for value in (2.0, 1.0)]
    assert heard(STARTED, *told).metrics == {"loss": 1.0}


def test_a_report_of_an_unknown_kind_changes_nothing() -> None:
    assert heard(STARTED, event(EventKind.ATTEMPT_PROGRESSED, 11, kind="song")) == heard(STARTED)


def test_an_ended_node_keeps_its_time() -> None:
    row = heard(STARTED, event(EventKind.NODE_FINISHED, 13.0, state="COMPLETE"))
    assert (row.state, row.duration_s(99.0)) == (NodeState.COMPLETE, 3.0)


def test_a_retry_says_why_and_when() -> None:
    row = heard(STARTED, event(EventKind.NODE_RETRYING, 13.0, code="RAISED", reason="oh", wait_s=2.0))
    assert (row.state, row.reason) == (NodeState.BACKING_OFF, "RAISED: oh; again in 2 s")


def test_the_next_attempt_starts_afresh() -> None:
    row = heard(STARTED, event(EventKind.NODE_RETRYING, 13.0), event(EventKind.ATTEMPT_SUBMITTED, 15.0, attempt=2))
    assert (row.attempt, row.reason, row.started_at) == (2, "", 15.0)


def test_events_of_nodes_that_are_not_on_the_board_are_passed_over() -> None:
    board = Board({}, {})
    assert board.hear(STARTED) is None


def test_a_crowded_board_shows_what_runs_then_what_failed_then_what_ended_last() -> None:
    rows = [
        Row(name="old", state=NodeState.COMPLETE, started_at=0, ended_at=1.0),
        Row(name="new", state=NodeState.COMPLETE, started_at=0, ended_at=2.0),
        Row(name="bad", state=NodeState.FAILED, started_at=0, ended_at=0.5),
        Row(name="busy", state=NodeState.RUNNING, started_at=0),
        Row(name="never", state=NodeState.CANCELED, ended_at=3.0),
    ]
    assert [row.name for row in most_telling(rows, 3)] == ["busy", "bad", "new"]
