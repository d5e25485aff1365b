"""Setups of a model on a server and what was measured of each: values of a profile. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cmcore.errors import UsageError
from cmcore.sandbox.calls import Load
from cmcore.serving.document import Batching, DeploymentConfig, InferenceConfig


@dataclass(frozen=True, slots=True, order=True)
class Setup:
    """How the server runs the model: instances, and rows that one call of the model takes at most (1: no batching)."""

    instances: int
    batch_size: int

    def __str__(self) -> str:
        batches = f"batches of up to {self.batch_size}" if self.batch_size > 1 else "no batching"
        return f"{self.instances} instance{'' if self.instances == 1 else 's'}, {batches}"

    def deployment(self, given: DeploymentConfig) -> DeploymentConfig:
        """The deployment config with these instances, neither more nor fewer."""
        return given.model_copy(update={"instances": self.instances, "autoscaling": None})

    def inference(self, given: InferenceConfig) -> InferenceConfig:
        """The inference config with these batches; instances of several kinds are the deployment's plain ones here."""
        preferred = tuple(size for size in given.batching.preferred_batch_sizes if size <= self.batch_size)
        batching = Batching(
            max_batch_size=self.batch_size,
            preferred_batch_sizes=preferred,
            max_delay_us=given.batching.max_delay_us if self.batch_size > 1 else 0,
            enabled=self.batch_size > 1,
        )
        sizes = tuple(size for size in given.warm_up.batch_sizes if size <= self.batch_size) or (1,)
        warm_up = given.warm_up.model_copy(update={"batch_sizes": sizes})
        return given.model_copy(update={"batching": batching, "instance_groups": (), "warm_up": warm_up})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One setup under one load: `concurrency` requests were always under way. Failures are counts by kind."""

    setup: Setup
    concurrency: int
    requests: int
    rps: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    failures: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, setup: Setup, concurrency: int, load: Load) -> Reading:
        """What a load found."""
        p50, p90, p99, most = (seconds * 1e3 for seconds in load.quantiles(0.5, 0.9, 0.99, 1.0))
        return cls(
            setup=setup,
            concurrency=concurrency,
            requests=load.requests,
            rps=load.rps,
            p50_ms=p50,
            p90_ms=p90,
            p99_ms=p99,
            max_ms=most,
            failures={kind.value: count for kind, count in load.failures.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """All readings, and why a setup has none."""

    readings: tuple[Reading, ...]
    refused: Mapping[Setup, str] = field(default_factory=dict)

    @property
    def setups(self) -> tuple[Setup, ...]:
        """The setups that have readings, the smallest first."""
        return tuple(sorted({reading.setup for reading in self.readings}))

    def of(self, setup: Setup) -> tuple[Reading, ...]:
        """The readings of one setup, by concurrency."""
        found = [reading for reading in self.readings if reading.setup == setup]
        return tuple(sorted(found, key=lambda reading: reading.concurrency))


def setups(instances: Iterable[int], batch_sizes: Iterable[int], *, rows: int = 1) -> tuple[Setup, ...]:
    """Every combination once, the smallest first; raises UsageError where no batch holds a request of so many rows."""
    numbers, sizes = sorted(set(instances)), sorted(set(batch_sizes))
    if not numbers or not sizes or min(*numbers, *sizes, rows) < 1:
        raise UsageError("instances, batch sizes and rows are whole numbers above 0")
    fitting = [size for size in sizes if size >= rows]
    if not fitting:
        raise UsageError(f"a request has {rows} rows, and the largest batch {sizes[-1]}; give a batch size of {rows}")
    return tuple(itertools.starmap(Setup, itertools.product(numbers, fitting)))


def numbers(text: str) -> Sequence[int]:
    """`1,2,8` as numbers; raises UsageError."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UsageError(f"{text!r} is no list of numbers; write them with commas, such as 1,2,8") from error
    if min(found) < 1:
        raise UsageError(f"{text!r} has a number below 1")
    return found
