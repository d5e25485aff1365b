"""EventsView: a run as one JSON document per line, for programs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

import click

from cmcore.cli.view.board import Board
from cmcore.events import Event
from cmcore.runtime.states import NodeState


class EventsView:
    """Every event as it happens; the result is printed after it by the command."""

    def __init__(self) -> None:
        self.board = Board({}, {})
        self._gone = False

    def begin(self, states: Mapping[str, NodeState], reasons: Mapping[str, str]) -> None:
        """The run begins with nodes in these states."""
        self.board = Board(states, reasons)

    def hear(self, event: Event) -> None:
        """Print one event."""
        self.board.hear(event)
        if self._gone:
            return
        try:
            click.echo(event.model_dump_json(exclude_defaults=True))
        except BrokenPipeError:
            self._gone = True  # nobody reads any more; the run itself goes on

    def note(self, message: str) -> None:
        """Say something at once; a signal handler may call this, so nothing is buffered."""
        with contextlib.suppress(OSError):
            os.write(2, f"{message}\n".encode())

    def close(self) -> None:
        """Nothing is held."""
