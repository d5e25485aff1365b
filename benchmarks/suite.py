"""The order of the measurements: what is compared alternates, so that a busy moment hits all of it alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from benchmarks.batch import BatchFigures, batch_figures
from benchmarks.machine import Machine, this_machine
from benchmarks.process import Usage, measured
from benchmarks.project import Workload, cached_run, first_run, floor_run, imports_run, memory_of
from benchmarks.registry import Timings, registries
from benchmarks.serving.figures import ServingFigures, serving_figures
from benchmarks.startup import STATEMENTS, StartUp, command, heavy_libraries

Say = Callable[[str], None]
SLOPE = (10, 50)
NO_OPS = Workload(pipeline="no_ops", nodes=1000)
SLEEPERS = Workload(pipeline="sleepers", nodes=40, options=("--workers", "8"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """How often each measurement is taken."""

    start_up: int = 15
    slope: int = 9
    whole: int = 3
    registries: int = 3
    batch: int = 3
    updates: int = 20
    servers: int = 3


QUICK = Rounds(start_up=5, slope=3, whole=1, registries=1, batch=1, updates=3, servers=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """Everything that was measured: processes by name, the memory of all processes of the large run, milliseconds of
    each operation by registry, and how busy the machine was at the end (at the start: `machine.load`)."""

    machine: Machine
    load_after: float
    start_up: Mapping[str, StartUp]
    runs: Mapping[str, tuple[Usage, ...]]
    no_ops_memory_mib: float
    registries: Mapping[str, Timings]
    batch: BatchFigures
    serving: ServingFigures


def measure(rounds: Rounds, say: Say) -> Measurements:
    """Take all measurements; minutes."""
    machine = this_machine()
    warm_up(say)
    starts = start_up(rounds.start_up, say)
    runs = {**alternating(compared(), rounds.slope, say), **alternating(whole(), rounds.whole, say)}
    memory_mib = memory_of(NO_OPS)
    beside_mlflow = registries(rounds.registries, say)
    batch = batch_figures(rounds.batch, say)
    serving = serving_figures(rounds.updates, rounds.servers, say)
    return Measurements(
        machine=machine,
        load_after=os.getloadavg()[0],
        start_up=starts,
        runs=runs,
        no_ops_memory_mib=memory_mib,
        registries=beside_mlflow,
        batch=batch,
        serving=serving,
    )


def warm_up(say: Say) -> None:
    """Write all bytecode and fill the disk's cache, so that no measurement is the first of its kind."""
    say("warm-up")
    for name in STATEMENTS:
        measured(command(name))
    first_run(Workload(pipeline="chain", nodes=2))
    floor_run(2, worker=True)


def compared() -> dict[str, Callable[[], Usage]]:
    """What the cost of a node is computed from."""
    return {
        f"{name} {count}": partial(take, count)
        for count in SLOPE
        for name, take in (("chain", chain), ("floor", floor), ("bare loop", bare_loop))
    }


def whole() -> dict[str, Callable[[], Usage]]:
    """Runs whose whole process counts."""
    return {
        "chain 1": partial(chain, 1),
        "chain 200": partial(chain, 200),
        "fan-out 40": partial(first_run, Workload(pipeline="fan_out", nodes=40)),
        "cached re-run 50": partial(cached_run, Workload(pipeline="chain", nodes=50)),
        "no-ops 1000": partial(first_run, NO_OPS),
        "sleepers 40": partial(first_run, SLEEPERS),
        "imports": imports_run,
    }


def chain(count: int) -> Usage:
    """A chain in a fresh project."""
    return first_run(Workload(pipeline="chain", nodes=count))


def floor(count: int) -> Usage:
    """The two ML-Metadata writes and one synced file, so many times."""
    return floor_run(count, worker=False)


def bare_loop(count: int) -> Usage:
    """The same with a worker process, a digest and a rename instead of the sync."""
    return floor_run(count, worker=True)


def alternating(takes: Mapping[str, Callable[[], Usage]], rounds: int, say: Say) -> dict[str, tuple[Usage, ...]]:
    """Each measurement once per round."""
    taken: dict[str, list[Usage]] = {name: [] for name in takes}
    for number in range(rounds):
        for name, take in takes.items():
            say(f"{name}, {number + 1} of {rounds}")
            taken[name].append(take())
    return {name: tuple(found) for name, found in taken.items()}


def start_up(rounds: int, say: Say) -> dict[str, StartUp]:
    """The start-up times, alternating, and what each start loads."""
    taken: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for number in range(rounds):
        say(f"start-up, {number + 1} of {rounds}")
        for name in STATEMENTS:
            taken[name].append(measured(command(name)).cpu_s)
    return {
        name: StartUp(cpu_s=tuple(taken[name]), heavy=heavy_libraries(statement))
        for name, statement in STATEMENTS.items()
    }
