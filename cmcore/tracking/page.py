"""The comparison as one HTML page that needs nothing else: no scripts, no other files, no network.

What a page holds is decided here, how it looks in `page.html.j2`. Everything that users wrote is escaped there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cmcore.tracking import charts
from cmcore.tracking.charts import Chart
from cmcore.tracking.comparison import Comparison, Group, Row
from cmcore.tracking.exhibits import Read, walls
from cmcore.tracking.parallel import parallel
from cmcore.tracking.values import Series, SeriesPoint, TrackedRun

CHARTS_MAX = 60  # of metrics, and as many of the machine
COLORS = 8  # of lines; more runs are told apart by dashes
LETTERS_MAX = 60  # of a value in the table; all of it is said when the pointer is on it

Points = Callable[[str, Series], Sequence[SeriesPoint]]
"""Gives the points of one series of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One value of one run: shortened, in full, who set it, whether it is the best, and the first run's too."""

    text: str
    full: str
    layer: str
    best: bool
    same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Charts:
    """Those that are shown, and how many are not."""

    shown: tuple[Chart, ...]
    left_out: int


def html(comparison: Comparison, *, points: Points, read: Read, now: float) -> str:
    """The page. `points` and `read` are asked for what it shows; `now` is said on it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"cells": cells, "color": color, "groups": by_group, "chart_size": charts}
    environment.filters |= {"when": when, "took": took}
    text = environment.get_template("page.html.j2").render(
        comparison=comparison,
        runs=comparison.runs,
        metrics=drawn(comparison.runs, points, system=False),
        machine=drawn(comparison.runs, points, system=True),
        parallel=parallel(comparison),
        walls=walls(comparison.runs, read),
        now=now,
    )
    return text.lstrip()


def drawn(runs: Sequence[TrackedRun], points: Points, *, system: bool) -> Charts:
    """A chart for every series that one of the runs has, by step, those of the machine by seconds."""
    names = dict.fromkeys(series for run in runs for series in run.series if series.system is system)
    found: list[Chart] = []
    for series in list(names)[:CHARTS_MAX]:
        lines = {place: xy(points(run.run, series)) for place, run in enumerate(runs) if series in run.series}
        label = "seconds" if system else "step"
        if chart := charts.chart(f"{series.node}.{series.name}", label, lines):
            found.append(chart)
    return Charts(shown=tuple(found), left_out=max(0, len(names) - CHARTS_MAX))


def xy(points: Sequence[SeriesPoint]) -> list[tuple[float, float]]:
    """Points by step; readings of the machine, whose steps are all 0, by the seconds since the first."""
    if any(point.step for point in points) or len(points) < 2:
        return [(float(point.step), point.value) for point in points]
    return [(point.at - points[0].at, point.value) for point in points]


def cells(row: Row) -> Iterator[Cell]:
    """The values of a row, run by run."""
    for place, value in enumerate(row.values):
        number = row.numbers[place] if row.group is Group.METRICS else None
        full = "" if value is None else value
        yield Cell(
            text=f"{number:.6g}" if number is not None else short(full),
            full=full,
            layer=row.layers[place] if row.layers else "",
            best=place in row.best,
            same=place > 0 and value == row.values[0],
        )


def by_group(rows: Sequence[Row]) -> Mapping[Group, list[Row]]:
    """Rows by group, in the order of groups."""
    return {group: found for group in Group if (found := [row for row in rows if row.group is group])}


def short(text: str) -> str:
    """A value that fits into a table; of a digest, its beginning."""
    if text.startswith("sha256:"):
        return text[:19]
    return text if len(text) <= LETTERS_MAX else f"{text[: LETTERS_MAX - 1]}…"


def color(place: int) -> str:
    """The classes of a run's lines."""
    return f"c{place % COLORS} d{place // COLORS % 3}"


def when(seconds: float) -> str:
    """A time as people write it, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def took(seconds: float | None) -> str:
    """A duration."""
    if seconds is None:
        return "unfinished"
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{seconds:.1f} s"
        if seconds < 60
        else f"{minutes // 60} h {minutes % 60} min"
        if minutes > 59
        else f"{minutes} min {rest} s"
    )
