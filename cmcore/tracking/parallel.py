"""Parallel coordinates: an axis for every parameter and metric in which runs differ, a line for every run. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cmcore.tracking.charts import Range, Tick, scaled
from cmcore.tracking.comparison import Comparison, Group, Row

AXES_MAX = 12
AXIS_WIDTH, HEIGHT, TOP, BOTTOM, SIDE = 130.0, 240.0, 42.0, 24.0, 70.0
TEXT_MAX = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One parameter or metric; `label` says which, and of its scale what is not usual.

    `places` are the pixels of the runs' values, None where a run has none.
    """

    at: float
    name: str
    label: str
    ticks: tuple[Tick, ...]
    places: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """All axes, from `top` to `bottom`; `paths` has one of SVG's paths for every run; `left_out` has no axis."""

    width: float
    height: float
    top: float
    bottom: float
    axes: tuple[Axis, ...]
    paths: tuple[str, ...]
    left_out: tuple[str, ...]


def parallel(comparison: Comparison) -> Parallel | None:
    """The drawing; None where there are not two axes and two runs."""
    parameters = [row for row in comparison.differing if row.group is Group.PARAMETERS]
    metrics = [row for row in comparison.differing if row.group is Group.METRICS and len(finite(row)) > 0]
    rows = [*parameters[: AXES_MAX // 2], *metrics[: AXES_MAX // 2]]
    others = [*parameters[AXES_MAX // 2 :], *metrics[AXES_MAX // 2 :]]
    if len(rows) < 2 or len(comparison.runs) < 2:
        return None
    axes = tuple(axis(SIDE + AXIS_WIDTH * number, row) for number, row in enumerate(rows))
    return Parallel(
        width=SIDE + AXIS_WIDTH * len(axes),  # labels stand to the right of their axes, of the last one too
        height=HEIGHT,
        top=TOP,
        bottom=HEIGHT - BOTTOM,
        axes=axes,
        paths=tuple(path(run, axes) for run in range(len(comparison.runs))),
        left_out=tuple(row.name for row in others),
    )


def axis(at: float, row: Row) -> Axis:
    """The axis of numbers, or of words where one of the values is no number."""
    known = [number for number, value in zip(row.numbers, row.values, strict=True) if value is not None]
    if all(number is not None for number in known):
        return number_axis(at, row)
    words = sorted({value for value in row.values if value is not None})
    room = Range(low=0, high=max(1, len(words) - 1), start=HEIGHT - BOTTOM, end=TOP)
    return Axis(
        at=at,
        name=row.name,
        label=row.group.value,
        ticks=tuple(Tick(at=room.at(number), text=short(word)) for number, word in enumerate(words)),
        places=tuple(None if value is None else room.at(words.index(value)) for value in row.values),
    )


def number_axis(at: float, row: Row) -> Axis:
    """An axis from the smallest to the greatest number."""
    numbers = finite(row)
    room = scaled(numbers, HEIGHT - BOTTOM, TOP)
    ends = dict.fromkeys((room.low, room.high))
    return Axis(
        at=at,
        name=row.name,
        label=f"{row.group}, log" if room.log else row.group.value,
        ticks=tuple(Tick(at=room.at(number), text=f"{number:.5g}") for number in ends),
        places=tuple(
            room.at(number) if number is not None and math.isfinite(number) else None for number in row.numbers
        ),
    )


def finite(row: Row) -> list[float]:
    """The numbers that an axis can show."""
    return [number for number in row.numbers if number is not None and math.isfinite(number)]


def path(run: int, axes: Sequence[Axis]) -> str:
    """A run's line from axis to axis, with a gap where it has no value."""
    words, pen_is_up = [], True
    for each in axes:
        place = each.places[run]
        if place is not None:
            words.append(f"{'M' if pen_is_up else 'L'}{each.at:g} {place:g}")
        pen_is_up = place is None
    return " ".join(words)


def short(text: str) -> str:
    """A text that fits beside an axis."""
    return text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 1]}…"
