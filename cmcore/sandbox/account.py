"""Account: a model measured on a private server, and what follows from it. What `cm profile` shows, and for Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cmcore.errors import ModelRefusedError, UsageError
from cmcore.hooks.discovery import Plugins
from cmcore.sandbox.choice import Cost, Goal, cheapest, cores, fragment, nearest
from cmcore.sandbox.conditions import Asked, Conditions, conditions
from cmcore.sandbox.grid import Profile, Reading, Setup, numbers, setups
from cmcore.sandbox.page import Facts, html, ms
from cmcore.sandbox.profiling import Listen, Subject, nobody, profile
from cmcore.sandbox.sandbox import flavors, sandbox
from cmcore.settings import ProjectSettings

HTTP = "rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What is measured: every setup under every concurrency, `seconds` each, with requests of so many rows."""

    setups: tuple[Setup, ...]
    concurrencies: tuple[int, ...]
    rows: int = 1
    seconds: float = 3.0

    @classmethod
    def of(cls, *, batch_sizes: str, instances: str, concurrency: str, rows: int, seconds: float) -> Grid:
        """The grid that lists of numbers (`1,2,8`) span; raises UsageError."""
        chosen = setups(numbers(instances), numbers(batch_sizes), rows=rows)
        concurrencies = tuple(sorted(set(numbers(concurrency))))
        return cls(setups=chosen, concurrencies=concurrencies, rows=rows, seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Readings, the goal, and the cheapest reading that meets it, if any does."""

    name: str
    where: str
    under: Conditions
    grid: Grid
    goal: Goal
    profile: Profile
    cost: Cost
    chosen: Reading | None

    @property
    def readings(self) -> Sequence[Reading]:
        """All readings, by setup and concurrency."""
        return [reading for setup in self.profile.setups for reading in self.profile.of(setup)]

    @property
    def fragment(self) -> str:
        """What asks for the chosen setup; empty where none was."""
        return fragment(self.chosen.setup, self.under.deployment, self.under.inference) if self.chosen else ""

    @property
    def verdict(self) -> str:
        """The outcome in a sentence."""
        if self.chosen is not None:
            return (
                f"{self.chosen.setup} is the cheapest that meets {self.goal}: {told(self.chosen)}, "
                f"for {cores_said(self.cost(self.chosen.setup))}"
            )
        near = nearest(self.profile, self.goal)
        rest = f"; the nearest is {near.setup}: {told(near)}" if near else ""
        return f"no setup meets {self.goal}{rest}"

    def document(self) -> dict[str, object]:
        """Everything as JSON."""
        return {
            "model": self.name,
            "where": self.where,
            "rows": self.grid.rows,
            "seconds": self.grid.seconds,
            "goal": asdict(self.goal),
            "readings": [
                {**asdict(it), "cost": self.cost(it.setup), "meets_goal": self.goal.met_by(it)} for it in self.readings
            ],
            "refused": [{**asdict(setup), "reason": reason} for setup, reason in self.profile.refused.items()],
            "chosen": asdict(self.chosen) if self.chosen else None,
            "verdict": self.verdict,
            "fragment": self.fragment,
        }

    def page(self, *, now: float) -> str:
        """Everything as one HTML page."""
        facts = Facts(
            title=f"Profile of {self.name}",
            where=self.where,
            verdict=self.verdict,
            rows=self.grid.rows,
            seconds=self.grid.seconds,
            now=now,
            fragment=self.fragment,
        )
        return html(self.profile, facts, goal=self.goal, chosen=self.chosen, cost=self.cost)


def account(
    model: Path,
    name: str,
    *,
    plugins: Plugins,
    settings: ProjectSettings,
    folder: Path,
    asked: Asked,
    grid: Grid,
    goal: Goal | None = None,
    listen: Listen = nobody,
) -> Account:
    """Measure the model in this folder on a private server; `folder` is the project's, which paths are relative to.

    Where nothing names a backend, the project's only one is used; where the goal names no p99, the endpoint's
    `latency_slo_ms` is it. Raises ModelRefusedError where no setup could be measured, ServingError where no server can
    be had, and UsageError, ConfigError, PluginError for what cannot be.
    """
    if not (asked.endpoint or asked.backend):
        asked = asked.model_copy(update={"backend": only_backend(plugins, settings)})
    under = conditions(asked, folder=folder, settings=settings, plugins=plugins)
    wanted = goal or Goal()
    if wanted.p99_ms is None and under.max_latency_ms:
        wanted = Goal(p99_ms=under.max_latency_ms, rps=wanted.rps)
    subject = Subject(folder=model, flavors=flavors(plugins), deployment=under.deployment, inference=under.inference)
    with sandbox(plugins, under.document.backend, under.options, beside=under.beside) as server:
        if HTTP not in server.able.protocols:
            raise UsageError(f"{server.able.server} does not answer over HTTP, by which this measures")
        found = profile(
            server, subject, grid.setups, grid.concurrencies, seconds=grid.seconds, rows=grid.rows, listen=listen
        )
        where = f"{server.able.server} {server.able.version} ({server.plugin})".replace("  ", " ")
    if not found.readings:
        reasons = "\n  ".join(f"{setup}: {reason}" for setup, reason in found.refused.items())
        raise ModelRefusedError(f"{name} could be measured in no setup:\n  {reasons}")
    cost = cores(under.deployment)
    return Account(
        name=name,
        where=where,
        under=under,
        grid=grid,
        goal=wanted,
        profile=found,
        cost=cost,
        chosen=cheapest(found, wanted, cost),
    )


def only_backend(plugins: Plugins, settings: ProjectSettings) -> str:
    """The project's serving backend where it has one, else the only one that is installed; raises UsageError."""
    names = [it.name for it in settings.stack.serving] or [it.name for it in plugins.providers("serving")]
    if len(names) != 1:
        raise UsageError(f"which serving backend? There is {', '.join(names) or 'none'}; name one, or an endpoint")
    return names[0]


def cores_said(cost: float) -> str:
    """A cost in words."""
    return f"{cost:g} CPU core{'' if cost == 1 else 's'}"


def told(reading: Reading) -> str:
    """A reading in a few words."""
    return f"{reading.rps:.0f} requests/s with a p99 of {ms(reading.p99_ms)} ms at {reading.concurrency} at once"
