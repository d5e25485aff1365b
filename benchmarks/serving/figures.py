"""Everything that is measured of serving, as figures: updates and deaths under load, and other servers beside ours."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.serving.peers.comparison import Speeds, compared
from benchmarks.serving.updates import deaths_under_load, updates_under_load

BACKENDS = ("triton", "ray")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateFigures:
    """What clients saw of version updates; `moved_s` is the median from wanting a version to its having the traffic."""

    updates: int
    requests: int
    failed: int
    rest_p99_ms: float
    during_p99_ms: float
    worst_ms: float
    moved_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeathFigures:
    """What clients saw of a server that was killed; they ask 200 times a second, whatever comes back."""

    deaths: int
    requests: int
    failures: Mapping[str, int]
    back_s: float
    longest_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingFigures:
    """All of it."""

    updates: Mapping[str, UpdateFigures]
    deaths: DeathFigures
    servers: Speeds


def serving_figures(times: int, rounds: int, say: Callable[[str], None]) -> ServingFigures:
    """Measure: so many updates and deaths, so many rounds of the servers."""
    updates = {}
    for backend in BACKENDS:
        say(f"{times} version updates under load on {backend}")
        updates[backend] = update_figures(backend, times)
    say(f"Triton killed {times} times under load")
    deaths = death_figures(times)
    return ServingFigures(updates=updates, deaths=deaths, servers=compared(rounds, say))


def update_figures(backend: str, updates: int) -> UpdateFigures:
    """Version updates on one backend."""
    with tempfile.TemporaryDirectory() as folder:
        found = updates_under_load(Path(folder), backend, updates=updates)
    return UpdateFigures(
        updates=updates,
        requests=found.load.requests,
        failed=found.load.requests - found.load.answered,
        rest_p99_ms=found.at_rest.p99 * 1e3,
        during_p99_ms=found.during(0.99) * 1e3,
        worst_ms=found.during(1.0) * 1e3,
        moved_s=median(found.took_s),
    )


def death_figures(deaths: int) -> DeathFigures:
    """Deaths of Triton."""
    with tempfile.TemporaryDirectory() as folder:
        found = deaths_under_load(Path(folder), "triton", deaths=deaths)
    return DeathFigures(
        deaths=deaths,
        requests=found.load.requests,
        failures={kind.value: count for kind, count in found.load.failures.items()},
        back_s=median(found.back_s),
        longest_s=max(found.back_s),
    )
