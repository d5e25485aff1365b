"""LinesView: a run as lines of text, for pipes, log files and nodes that run in this process."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping

import click

from cmcore.cli.view.board import Board, Row
from cmcore.cli.view.wording import COLORS, SYMBOLS, duration, one_line
from cmcore.events import Event, EventKind
from cmcore.runtime.states import NodeState

CHANGES_OF_STATE = (EventKind.ATTEMPT_SUBMITTED, EventKind.NODE_RETRYING, EventKind.NODE_FINISHED)


class LinesView:
    """One line when a node starts, is tried again and ends; one per message that a component logs.

    `where` goes on the first line: `in project /path`, where that is not obvious.
    """

    def __init__(self, where: str = "") -> None:
        self.board = Board({}, {})
        self._where = where
        self._width = 0
        self._gone = False

    def begin(self, states: Mapping[str, NodeState], reasons: Mapping[str, str]) -> None:
        """The run begins with nodes in these states."""
        self.board = Board(states, reasons)
        self._width = max(map(len, states), default=0)
        for row in self.board.rows.values():
            if row.state is NodeState.REUSED:
                self._show(row, time.time())

    def hear(self, event: Event) -> None:
        """Show what an event says, if it says something to people."""
        if event.kind is EventKind.RUN_STARTED or event.kind is EventKind.RUN_RESUMED:
            verb = "started" if event.kind is EventKind.RUN_STARTED else "resumed"
            self._echo(f"{verb} {click.style(event.run, bold=True)} {self._where}".rstrip())
        row = self.board.hear(event)
        if row is None:
            return
        if event.kind is EventKind.ATTEMPT_PROGRESSED:
            if event.data.get("kind") == "log":
                self._echo(f"{stamp(event.at)}    {row.name:<{self._width}}  {one_line(row.message)}")
        elif event.kind in CHANGES_OF_STATE:
            self._show(row, event.at)

    def note(self, message: str) -> None:
        """Say something at once; a signal handler may call this, so nothing is buffered."""
        with contextlib.suppress(OSError):
            os.write(2, f"\n{message}\n".encode())

    def close(self) -> None:
        """Nothing is held."""

    def _show(self, row: Row, at: float) -> None:
        attempt = f"attempt {row.attempt}" if row.attempt > 1 else ""
        took = duration(row.duration_s(at)) if row.state is not NodeState.RUNNING else ""
        rest = "  ".join(part for part in (took, attempt, one_line(row.reason)) if part)
        state = click.style(f"{row.state:<10}" if rest else row.state, fg=COLORS[row.state])
        self._echo(f"{stamp(at)}  {SYMBOLS[row.state]} {row.name:<{self._width}}  {state}  {rest}".rstrip())

    def _echo(self, line: str) -> None:
        if self._gone:
            return
        try:
            click.echo(line)
        except BrokenPipeError:
            self._gone = True  # nobody reads any more; the run itself goes on


def stamp(at: float) -> str:
    """The local time of day."""
    return time.strftime("%H:%M:%S", time.localtime(at))
