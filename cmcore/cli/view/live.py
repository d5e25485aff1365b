"""LiveView: a run as a table that is drawn again and again while it goes on. For terminals."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cmcore.cli.view.board import Board, Row
from cmcore.cli.view.wording import COLORS, SYMBOLS, duration, one_line
from cmcore.events import Event, EventKind
from cmcore.runtime.states import NodeState

FRAMES_PER_S = 10
LINES_AROUND = 5  # heading, empty line, counts, note and the cursor's own
BAR_WIDTH = 24
TIME_WIDTH = 10
FIXED_WIDTH = 1 + TIME_WIDTH + 3 * 2  # symbol and time, and the space after three columns
SHOWN_WHEN_CROWDED = (NodeState.RUNNING, NodeState.FAILED, NodeState.BACKING_OFF, NodeState.CANCELED)


class LiveView:
    """The board of a run, drawn in place; its last frame stays."""

    def __init__(self, pipeline: str) -> None:
        self.board = Board({}, {})
        self._pipeline, self._run, self._note = pipeline, "", ""
        self._started_at = time.time()
        self._ended_at: float | None = None
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(self, console=Console(highlight=False), refresh_per_second=FRAMES_PER_S)

    def begin(self, states: Mapping[str, NodeState], reasons: Mapping[str, str]) -> None:
        """The run begins with nodes in these states."""
        self.board = Board(states, reasons)
        self._live.start()

    def hear(self, event: Event) -> None:
        """Take one event in; it is seen with the next frame."""
        self._run = event.run
        self.board.hear(event)
        if event.kind is EventKind.RUN_FINISHED:
            self._ended_at = event.at

    def note(self, message: str) -> None:
        """Say something below the table."""
        self._note = message

    def close(self) -> None:
        """Draw the last frame."""
        self._ended_at = self._ended_at or time.time()
        if self._live.is_started:
            self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now = self._ended_at or time.time()
        rows = list(self.board.rows.values())
        yield self._heading(now)
        room = (options.height or console.height) - LINES_AROUND
        shown = rows if len(rows) <= room else most_telling(rows, room)
        yield self._table(shown, now, console.width)
        yield self._counts(len(rows) - len(shown))
        if self._note and self._ended_at is None:
            yield Text(self._note, style="yellow")

    def _heading(self, now: float) -> Text:
        took = duration(now - self._started_at)
        return Text.assemble(
            (self._pipeline, "bold"), "  ", (self._run, "bright_black"), "  ", took, overflow="ellipsis"
        )

    def _table(self, rows: Sequence[Row], now: float, width: int) -> Table:
        name_width = min(max((len(row.name) for row in rows), default=0), width // 3)
        room = max(10, width - name_width - FIXED_WIDTH)
        table = Table.grid(padding=(0, 2, 0, 0))
        for column_width in (1, name_width, TIME_WIDTH):
            table.add_column(width=column_width, no_wrap=True, overflow="ellipsis")
        table.columns[2].justify = "right"
        table.add_column(width=room, no_wrap=True, overflow="ellipsis")
        for row in rows:
            symbol = self._spinner if row.state is NodeState.RUNNING else Text(SYMBOLS[row.state], COLORS[row.state])
            name = Text(row.name, style="bright_black" if row.state is NodeState.WAITING else "")
            table.add_row(symbol, name, Text(took(row, now)), told(row, room))
        return table

    def _counts(self, hidden: int) -> Text:
        line = Text("\n")
        for state, count in sorted(self.board.counts.items(), key=lambda item: list(NodeState).index(item[0])):
            line.append(f"{count} {state.lower().replace('_', ' ')}", style=COLORS[state]).append("   ")
        if hidden:
            line.append(f"({hidden} nodes not shown)", style="bright_black")
        return line


def took(row: Row, now: float) -> str:
    """The time of a node, where it says something."""
    return "" if row.state in (NodeState.CACHED, NodeState.SKIPPED) else duration(row.duration_s(now))


def told(row: Row, room: int) -> Table | Text:
    """The last column: a bar while there is progress, else the state and what is known of it."""
    attempt = f"  attempt {row.attempt}" if row.attempt > 1 else ""
    if row.state is not NodeState.RUNNING:
        reason = "" if row.state is NodeState.COMPLETE else f"  {one_line(row.reason)}"
        state = "" if row.state is NodeState.WAITING else row.state.lower().replace("_", " ")
        return Text.assemble((state, COLORS[row.state]), attempt, (reason, "bright_black"))
    message = Text(f"{one_line(row.message)}{attempt}", style="bright_black")
    if row.total <= 0:
        return message
    share = min(1.0, row.done / row.total)
    line = Table.grid(padding=(0, 1, 0, 0))
    for column_width in (BAR_WIDTH, 4, max(1, room - BAR_WIDTH - 7)):
        line.add_column(width=column_width, no_wrap=True, overflow="ellipsis")
    line.columns[1].justify = "right"
    line.add_row(ProgressBar(total=1.0, completed=share, width=BAR_WIDTH), f"{share:.0%}", message)
    return line


def most_telling(rows: Sequence[Row], room: int) -> list[Row]:
    """Of more rows than there is room for: what runs, what failed, and the ones that ended last."""
    started = [row for row in rows if row.started_at is not None]
    telling = [row for state in SHOWN_WHEN_CROWDED for row in started if row.state is state][:room]
    ended = sorted((row for row in rows if row.ended_at and row not in telling), key=lambda row: row.ended_at or 0.0)
    left = room - len(telling)
    return telling + ([row for row in ended if row.state is not NodeState.CANCELED][-left:] if left > 0 else [])
