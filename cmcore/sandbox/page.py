"""A profile as one HTML page that needs nothing else: latency against throughput, all readings, what to ask for.

What a page holds is decided here, how it looks in `profile.html.j2`. Geometry is that of `cmcore.tracking.charts`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cmcore.sandbox.choice import Cost, Goal
from cmcore.sandbox.grid import Profile, Reading
from cmcore.tracking import charts
from cmcore.tracking.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Chart, Dot, Range, Tick
from cmcore.tracking.page import color, when

HEADROOM = 1.06
WIDE = 4.0
TICK_DECADES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One chart with its points, line by line, where the goal is met, and the chosen point."""

    chart: Chart
    marks: tuple[tuple[Dot, ...], ...]
    good: Box | None
    chosen: Dot | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a page says beside the readings: the model and version, the server, and how it was asked."""

    title: str
    where: str
    verdict: str
    rows: int
    seconds: float
    now: float
    fragment: str = ""


def html(profile: Profile, facts: Facts, *, goal: Goal, chosen: Reading | None, cost: Cost) -> str:
    """The page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"color": color, "size": charts, "cost": cost, "goal": goal}
    environment.filters |= {"when": when, "ms": ms}
    text = environment.get_template("profile.html.j2").render(
        **asdict(facts),
        setups=list(map(str, profile.setups)),
        readings=[reading for setup in profile.setups for reading in profile.of(setup)],
        refused=profile.refused,
        chosen=chosen,
        charts=drawings(profile, goal, chosen),
    )
    return text.lstrip()


def drawings(profile: Profile, goal: Goal, chosen: Reading | None) -> list[Drawn]:
    """p99 and median against throughput; the goal's part only where p99 is shown, of which it speaks."""
    found = [
        drawn("p99, milliseconds", profile, lambda it: it.p99_ms, goal=goal, chosen=chosen),
        drawn("median, milliseconds", profile, lambda it: it.p50_ms, goal=Goal(), chosen=chosen),
    ]
    return [each for each in found if each is not None]


def drawn(
    title: str, profile: Profile, height: Callable[[Reading], float], *, goal: Goal, chosen: Reading | None
) -> Drawn | None:
    """One chart, a line for each setup; None where nothing has been answered."""
    lines = [[it for it in profile.of(setup) if math.isfinite(height(it))] for setup in profile.setups]
    shown = [reading for line in lines for reading in line]
    if not shown:
        return None
    bounds = [bound for bound in (goal.p99_ms,) if bound is not None]
    rates = [it.rps for it in shown] + ([goal.rps] if goal.rps else [])
    across = charts.spread([0.0, max(rates) * HEADROOM], LEFT, WIDTH - RIGHT)
    upward = upright([height(it) for it in shown] + bounds)

    def dot(reading: Reading) -> Dot:
        return Dot(x=across.at(reading.rps), y=upward.at(height(reading)), text=said(reading))

    return Drawn(
        chart=Chart(
            title=title,
            x_label="requests answered per second",
            y_label="log scale" if upward.log else "",
            x_ticks=charts.ticks(across),
            y_ticks=round_ticks(upward) if upward.log else charts.ticks(upward),
            lines=tuple(
                charts.line(place, [(it.rps, height(it)) for it in line], across, upward)
                for place, line in enumerate(lines)
            ),
        ),
        marks=tuple(tuple(map(dot, line)) for line in lines),
        good=good_part(goal, across, upward),
        chosen=dot(chosen) if chosen in shown and chosen is not None else None,
    )


def upright(values: Sequence[float]) -> Range:
    """The axis of latencies: from 0, or logarithmic where a few slow setups would press all others together."""
    low, high = min(values), max(values)
    if low > 0 and high > low * WIDE:
        return Range(low=low / HEADROOM, high=high * HEADROOM, start=HEIGHT - BOTTOM, end=TOP, log=True)
    return charts.spread([0.0, high * HEADROOM], HEIGHT - BOTTOM, TOP)


def round_ticks(axis: Range) -> tuple[Tick, ...]:
    """1, 2 and 5 times powers of ten on a logarithmic axis; only the powers where that is too many."""
    powers = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
    factors = (1, 2, 5) if len(powers) <= TICK_DECADES else (1,)
    values = [factor * 10.0**power for power in powers for factor in factors]
    return tuple(Tick(at=axis.at(value), text=f"{value:g}") for value in values if axis.low <= value <= axis.high)


def good_part(goal: Goal, across: Range, upward: Range) -> Box | None:
    """Where the goal is met; None without one."""
    if goal.p99_ms is None and goal.rps is None:
        return None
    left = across.at(goal.rps) if goal.rps else LEFT
    top = upward.at(goal.p99_ms) if goal.p99_ms is not None else TOP
    return Box(x=left, y=top, width=round(WIDTH - RIGHT - left, 1), height=round(HEIGHT - BOTTOM - top, 1))


def said(reading: Reading) -> str:
    """A reading in a few words."""
    return (
        f"{reading.setup}, {reading.concurrency} at once: {reading.rps:.0f} requests/s, p50 {ms(reading.p50_ms)} ms, "
        f"p99 {ms(reading.p99_ms)} ms"
    )


def ms(value: float) -> str:
    """Milliseconds as people read them."""
    return "-" if not math.isfinite(value) else f"{value:.0f}" if value >= 100 else f"{value:.3g}"
