"""How values are written for people: times, sizes, states, texts of unknown origin. Pure."""

from __future__ import annotations

import re

from cmcore.runtime.states import NodeState, RunState

UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
SYMBOLS = {
    NodeState.WAITING: "·", NodeState.RUNNING: "▶", NodeState.BACKING_OFF: "↻", NodeState.COMPLETE: "✔",
    NodeState.CACHED: "✔", NodeState.REUSED: "✔", NodeState.FAILED: "✘", NodeState.CANCELED: "■",
    NodeState.SKIPPED: "-",
}  # fmt: skip
COLORS = {
    NodeState.WAITING: "bright_black", NodeState.RUNNING: "cyan", NodeState.BACKING_OFF: "yellow",
    NodeState.COMPLETE: "green", NodeState.CACHED: "blue", NodeState.REUSED: "blue", NodeState.FAILED: "red",
    NodeState.CANCELED: "yellow", NodeState.SKIPPED: "bright_black", RunState.RUNNING: "cyan",
    RunState.SUCCEEDED: "green", RunState.FAILED: "red", RunState.CANCELED: "yellow",
}  # fmt: skip


def run_color(state: str) -> str:
    """The colour of a run's state; LOST, which only accounts know, included."""
    return {str(known): color for known, color in COLORS.items()}.get(state, "magenta")


def one_line(text: str, longest: int = 200) -> str:
    """Text that may come from anywhere, on one line, without what moves cursors or changes colours."""
    flat = UNSHOWN.sub(" ", text).strip()
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"


def duration(seconds: float | None) -> str:
    """`0.3 s`, `12.0 s`, `3 min 05 s`, `2 h 10 min`; empty for None."""
    if seconds is None:
        return ""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def ago(seconds: float) -> str:
    """`just now`, `5 min ago`, `3 h ago`, `12 days ago`."""
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (129_600, 3600, "h")):
        if seconds < limit:
            return "just now" if seconds < 5 else f"{seconds / unit:.0f} {name} ago"
    return f"{seconds / 86_400:.0f} days ago"


def size(count_bytes: float) -> str:
    """`512 B`, `1.5 KiB`, `2.0 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count_bytes < 1024:
            return f"{count_bytes:.0f} {unit}" if unit == "B" else f"{count_bytes:.1f} {unit}"
        count_bytes /= 1024
    return f"{count_bytes:.1f} TiB"


def plural(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def number(value: float) -> str:
    """A metric: four significant digits, whole numbers whole."""
    return f"{value:.0f}" if value % 1 == 0 and abs(value) < 1e15 else f"{value:.4g}"
