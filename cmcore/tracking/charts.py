"""Where lines, ticks and axes of a chart lie, in SVG's pixels. Pure geometry; a template draws it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 12.0, 12.0, 38.0
POINTS_MAX = 400  # of one line; more than there are pixels cannot be seen
DOTS_MAX = 40  # of one line; dots say their value when the pointer is on them
TICKS = 5
DECADES = 3  # that a linear axis can show: above, all but the greatest values lie on one line

XY = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One point that says what it is."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The line of one run, by the run's place; `path` is SVG's."""

    run: int
    path: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One metric of several runs."""

    title: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What an axis shows, and between which pixels. A logarithmic one has what is too small at its start."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value; the middle where the axis has one value only."""
        if self.high == self.low:
            return round((self.start + self.end) / 2, 1)
        if self.log:
            share = decades(self.low, max(value, self.low)) / decades(self.low, self.high)
        else:
            share = value / (self.high - self.low) - self.low / (self.high - self.low)
        return round(self.start + (self.end - self.start) * share, 1)


def chart(title: str, x_label: str, lines: Mapping[int, Sequence[XY]]) -> Chart | None:
    """The chart of some runs' points, by the run's place; None if there is nothing that can be drawn."""
    finite = [(x, y) for points in lines.values() for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if not finite:
        return None
    across = spread((x for x, _ in finite), LEFT, WIDTH - RIGHT)
    values = [y for _, y in finite]
    upward = scaled(values, HEIGHT - BOTTOM, TOP)
    return Chart(
        title=title,
        x_label=x_label,
        y_label=said_of(upward, values),
        x_ticks=ticks(across),
        y_ticks=ticks(upward),
        lines=tuple(line(run, points, across, upward) for run, points in lines.items() if points),
    )


def spread(values: Iterable[float], start: float, end: float) -> Range:
    """The range of some values."""
    found = list(values)
    return Range(low=min(found), high=max(found), start=start, end=end)


def scaled(values: Iterable[float], start: float, end: float) -> Range:
    """The range of some values; logarithmic where a linear one would show little but the greatest of them."""
    found = list(values)
    positive = [value for value in found if value > 0]
    if min(found) < 0 or not positive or decades(min(positive), max(positive)) <= DECADES:
        return spread(found, start, end)
    return Range(low=min(positive), high=max(positive), start=start, end=end, log=True)


def decades(low: float, high: float) -> float:
    """How many powers of ten lie between two positive numbers."""
    return math.log10(high) - math.log10(low)


def said_of(axis: Range, values: Iterable[float]) -> str:
    """What has to be known of an axis to read it; nothing where it is linear."""
    if not axis.log:
        return ""
    return "log scale, 0 at the bottom" if min(values) == 0 else "log scale"


def line(run: int, points: Sequence[XY], across: Range, upward: Range) -> Line:
    """One run's line; it has a gap where a value is NaN or infinite."""
    path, pen_is_up = [], True
    for x, y in thinned(points):
        if not math.isfinite(x) or not math.isfinite(y):
            pen_is_up = True
            continue
        path.append(f"{'M' if pen_is_up else 'L'}{across.at(x):g} {upward.at(y):g}")
        pen_is_up = False
    finite = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    shown = finite if len(finite) <= DOTS_MAX else []
    dots = tuple(Dot(x=across.at(x), y=upward.at(y), text=f"{x:.6g}: {y:.6g}") for x, y in shown)
    return Line(run=run, path=" ".join(path), dots=dots)


def thinned(points: Sequence[XY]) -> list[XY]:
    """At most POINTS_MAX or so: of each stretch its least and its greatest value, so that no peak is lost."""
    if len(points) <= POINTS_MAX:
        return list(points)
    size = math.ceil(len(points) / (POINTS_MAX / 2))
    kept: list[XY] = []
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        finite = [place for place, (_, y) in enumerate(stretch) if math.isfinite(y)]
        kept += [stretch[place] for place in extremes(stretch, finite)]
    return kept


def extremes(points: Sequence[XY], places: Sequence[int]) -> list[int]:
    """The places of the least and the greatest value among some; the first point where there is none."""
    if not places:
        return [0]
    by_value = sorted(places, key=lambda place: points[place][1])
    return sorted({by_value[0], by_value[-1]})


def ticks(axis: Range) -> tuple[Tick, ...]:
    """Round values inside a range, and the value itself where there is only one."""
    if axis.low == axis.high:
        return (Tick(at=axis.at(axis.low), text=f"{axis.low:.6g}"),)
    if axis.log:
        return powers(axis)
    step = round_step(axis.high / TICKS - axis.low / TICKS)
    if not 0 < step < math.inf:
        return tuple(Tick(at=axis.at(value), text=f"{value:.3g}") for value in (axis.low, axis.high))
    first = math.ceil(axis.low / step)
    values = [number * step for number in range(first, math.floor(axis.high / step) + 1)]
    return tuple(Tick(at=axis.at(value), text=f"{value:.10g}" if abs(value) >= step / 2 else "0") for value in values)


def powers(axis: Range) -> tuple[Tick, ...]:
    """Powers of ten inside a range, as many as there is room for."""
    first, last = math.ceil(math.log10(axis.low)), math.floor(math.log10(axis.high))
    chosen = range(first, last + 1, math.ceil((last - first + 1) / TICKS))
    return tuple(Tick(at=axis.at(10.0**power), text=f"{10.0**power:g}") for power in chosen)


def round_step(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not less."""
    if least <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(least))
    return next((power * factor for factor in (1, 2, 5, 10) if power * factor >= least * (1 - 1e-9)), math.inf)
