"""What the live view draws, frame by frame, in a terminal of known size."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cmcore.cli.view.board import Board
from cmcore.cli.view.live import LiveView
from cmcore.events import EventKind
from cmcore.runtime.states import NodeState
from tests.unit.cli.test_board import event


def frame(view: LiveView, *, height: int = 24, width: int = 80) -> list[str]:
    """The lines of one frame."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=height, force_terminal=False)
    console.print(view)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@pytest.fixture
def view() -> LiveView:
    """A run of a pipeline called demo whose first node works."""
    view = LiveView("demo")
    view.board = Board({"a": NodeState.WAITING, "b": NodeState.WAITING}, {})
    view.hear(event(EventKind.ATTEMPT_SUBMITTED, 10.0))
    return view


def test_the_heading_names_pipeline_and_run(view: LiveView) -> None:
    assert frame(view)[0].startswith("demo  r  ")


def test_progress_is_drawn_with_its_share_and_message(view: LiveView) -> None:
    view.hear(event(EventKind.ATTEMPT_PROGRESSED, 11, kind="progress", done=1.0, total=4.0, message="part one"))
    assert frame(view)[1].endswith(" 25% part one")


def test_a_long_message_is_cut_at_the_edge(view: LiveView) -> None:
    view.hear(event(EventKind.ATTEMPT_PROGRESSED, 11, kind="progress", done=1.0, total=4.0, message="x" * 500))
    assert max(map(len, frame(view))) <= 80


def test_nodes_are_counted_by_state(view: LiveView) -> None:
    assert "1 waiting   1 running" in frame(view)[-1]


def test_a_note_stands_below(view: LiveView) -> None:
    view.note("canceling")
    assert frame(view)[-1] == "canceling"


def test_more_nodes_than_lines_are_summarised() -> None:
    view = LiveView("demo")
    view.board = Board({f"n{index}": NodeState.WAITING for index in range(100)}, {})
    assert (len(frame(view, height=12)) <= 11, "(100 nodes not shown)" in frame(view, height=12)[-1]) == (True, True)
