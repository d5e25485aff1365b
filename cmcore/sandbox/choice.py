"""The cheapest setup that is good enough, and the part of an endpoint's document that asks for it. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue

from cmcore.document.write import dump
from cmcore.sandbox.grid import Profile, Reading, Setup
from cmcore.serving.document import DeploymentConfig, InferenceConfig

Cost = Callable[[Setup], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is good enough: a p99 of at most so many milliseconds at no fewer requests per second; None: any."""

    p99_ms: float | None = None
    rps: float | None = None

    def met_by(self, reading: Reading) -> bool:
        """Whether a reading is good enough; one with a failed request never is."""
        fast = math.isfinite(reading.p99_ms) and (self.p99_ms is None or reading.p99_ms <= self.p99_ms)
        return fast and not reading.failures and (self.rps is None or reading.rps >= self.rps)

    def __str__(self) -> str:
        parts = [
            *([f"p99 of at most {self.p99_ms:g} ms"] if self.p99_ms is not None else []),
            *([f"{self.rps:g} requests a second"] if self.rps is not None else []),
        ]
        return " at ".join(parts) or "no failed request"


def cores(deployment: DeploymentConfig) -> Cost:
    """What a setup costs: the CPU cores of all its instances."""
    return lambda setup: setup.instances * deployment.cpu_cores


def cheapest(profile: Profile, goal: Goal, cost: Cost) -> Reading | None:
    """The reading of the cheapest setup that meets the goal, None where none does.

    Of equally cheap ones that which answers most requests; where only a rate is wanted, the fastest.
    """
    good = [reading for reading in profile.readings if goal.met_by(reading)]
    by_speed = goal.rps is not None and goal.p99_ms is None
    return min(
        good,
        key=lambda it: (cost(it.setup), it.p99_ms if by_speed else -it.rps, it.setup, it.concurrency),
        default=None,
    )


def nearest(profile: Profile, goal: Goal) -> Reading | None:
    """Where nothing meets the goal, the reading that comes nearest: without failures, the least far beyond a bound."""

    def beyond(reading: Reading) -> float:
        late = reading.p99_ms / goal.p99_ms if goal.p99_ms else 0.0
        few = goal.rps / reading.rps if goal.rps and reading.rps else 0.0
        return max(late, few)

    whole = [it for it in profile.readings if not it.failures and math.isfinite(it.p99_ms)]
    return min(whole, key=beyond, default=None)


def fragment(setup: Setup, deployment: DeploymentConfig, inference: InferenceConfig) -> str:
    """The `deployment:` and `inference:` of an Endpoint document that ask for a setup, and else for what was given."""
    wanted = setup.inference(inference)
    parts: dict[str, JsonValue] = {
        "deployment": {"instances": setup.instances, **_said(setup.deployment(deployment))},
        "inference": {**_said(wanted), "batching": wanted.batching.model_dump(mode="json", exclude_defaults=True)},
    }
    batching = parts["inference"]
    assert isinstance(batching, dict)
    told = batching["batching"]
    assert isinstance(told, dict)
    told["max_batch_size"] = setup.batch_size
    return dump(parts)


def _said(config: DeploymentConfig | InferenceConfig) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = config.model_dump(mode="json", exclude_defaults=True)
    return found
