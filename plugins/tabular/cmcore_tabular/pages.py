"""HTML pages from the packaged templates: one self-contained file each, no scripts, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cmcore_tabular"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(number=number, percent=percent, thousands=thousands)
    return environment


def render(template: str, values: Mapping[str, object]) -> str:
    """The page that a template makes of these values."""
    return _environment().get_template(template).render(values)


def number(value: float | None) -> str:
    """A number for the eye: four significant digits, a dash for none."""
    if value is None:
        return "-"
    if value == int(value) and abs(value) < 1e15:
        return thousands(int(value))
    return f"{value:,.4g}" if 1e-4 <= abs(value) < 1e6 else f"{value:.3e}"


def percent(share: float) -> str:
    """A share as a percentage; what is not nothing does not look like nothing."""
    if 0 < share < 0.0005:
        return "<0.1 %"
    return f"{share * 100:.1f} %"


def thousands(count: int) -> str:
    """A whole number with separators."""
    return f"{count:,}"


def bar_heights(counts: Sequence[float], height: float) -> list[float]:
    """Bar heights in proportion to counts; the largest gets the full height."""
    largest = max(counts, default=0) or 1
    return [round(count / largest * height, 2) for count in counts]


def polyline(values: Sequence[float | None], width: float, height: float) -> str:
    """The points of a line through values, missing ones left out; empty for fewer than two."""
    present = [(index, value) for index, value in enumerate(values) if value is not None]
    if len(present) < 2:
        return ""
    low, high = min(value for _, value in present), max(value for _, value in present)
    scale = (high - low) or 1.0
    step = width / (len(values) - 1)
    return " ".join(f"{index * step:.1f},{height - (value - low) / scale * height:.1f}" for index, value in present)
