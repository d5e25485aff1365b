"""Which view a run gets, and what all views have in common."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Protocol

from cmcore.cli.view.board import Board
from cmcore.events import Event
from cmcore.runtime.states import NodeState


class View(Protocol):
    """Shows a run while it goes on. All calls but `note` come from one thread."""

    board: Board

    def begin(self, states: Mapping[str, NodeState], reasons: Mapping[str, str]) -> None:
        """The run begins with nodes in these states."""
        ...

    def hear(self, event: Event) -> None:
        """Something happened."""
        ...

    def note(self, message: str) -> None:
        """Say something at once; safe in a signal handler."""
        ...

    def close(self) -> None:
        """The run is over, or its driver has failed."""
        ...


def view_for(pipeline: str, *, as_json: bool, in_process: bool, where: str = "") -> View:
    """JSON if asked for; in a terminal the live table, unless nodes may print into it; else lines."""
    if as_json:
        from cmcore.cli.view.events import EventsView

        return EventsView()
    if sys.stdout.isatty() and not in_process and os.environ.get("TERM") != "dumb":
        from cmcore.cli.view.live import LiveView

        return LiveView(pipeline)
    from cmcore.cli.view.lines import LinesView

    return LinesView(where)
