"""Version updates, and deaths of the server, while clients go on asking: what they saw of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import JsonValue

from benchmarks.serving.client import Client
from benchmarks.serving.scaling import to_scale
from benchmarks.serving.stage import Stage, staged
from cmcore.sandbox.calls import Load, nearest_rank

REST_S = 5.0  # at rest before the first update
BETWEEN_S = 0.3
RATE = 200.0  # requests per second where the server dies: a closed loop would count how fast it can fail
REQUEST = to_scale(1.0, id="load").document()


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """What clients saw: seconds of the p99 at rest and while updates went on, the worst, and the failures.

    `took_s` are the times from wanting a version to its having the traffic.
    """

    load: Load
    windows: Sequence[tuple[float, float]]
    took_s: Sequence[float]

    @property
    def at_rest(self) -> Load:
        """Before the first update."""
        return self.load.between(1.0, self.windows[0][0])

    def during(self, share: float) -> float:
        """What this share of the requests that began during updates did not exceed, in seconds."""
        inside = sorted(
            latency
            for start, latency in zip(self.load.starts, self.load.latencies, strict=True)
            if any(begin <= start < end for begin, end in self.windows)
        )
        return nearest_rank(inside, share)


def updates_under_load(
    folder: Path,
    backend: str,
    *,
    updates: int,
    concurrency: int = 4,
    options: Mapping[str, JsonValue] | None = None,
) -> Updates:
    """Go through so many versions while clients ask without a pause."""
    windows, took = list[tuple[float, float]](), list[float]()
    with staged(folder, backend, versions=updates + 1, options=options) as stage:
        stage.until_served(stage.want(stage.versions[0]))
        client = Client(stage.handed, REQUEST, concurrency=concurrency)
        with client:
            begun = time.time()
            time.sleep(REST_S + 2.0)  # its process has to start
            for version in stage.versions[1:]:
                at = time.time()
                took.append(stage.until_served(stage.want(version)))
                stage.until_alone()
                windows.append((at, time.time()))
                time.sleep(BETWEEN_S)
    assert client.load is not None
    offset = client.load.began_at
    assert begun <= offset
    return Updates(load=client.load, windows=[(at - offset, end - offset) for at, end in windows], took_s=took)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deaths:
    """What clients saw of a server that was killed again and again; `back_s` is how long until it answered again."""

    load: Load
    back_s: Sequence[float]


def deaths_under_load(
    folder: Path, backend: str, *, deaths: int, concurrency: int = 4, options: Mapping[str, JsonValue] | None = None
) -> Deaths:
    """Kill the server's process while clients ask; nobody helps but `cm serve`."""
    back = list[float]()
    with staged(folder, backend, versions=1, options=options) as stage:
        stage.until_served(stage.want(stage.versions[0]))
        client = Client(stage.handed, REQUEST, concurrency=concurrency, rate=RATE)
        with client:
            time.sleep(2.0)
            for _ in range(deaths):
                back.append(killed(stage, folder))
                time.sleep(BETWEEN_S)
    assert client.load is not None
    return Deaths(load=client.load, back_s=back)


def killed(stage: Stage, folder: Path) -> float:
    """Kill the server; seconds until the endpoint's own address answers again."""
    found = servers(folder)
    if not found:
        raise LookupError(f"no server works in {folder}; a death that did not happen would count as survived")
    for process in found:
        os.kill(process, signal.SIGKILL)
    began = time.monotonic()
    backend, name = stage.project.backend(stage.backend), stage.address.model
    while not answers(stage, name):
        if time.monotonic() - began > 60:
            raise TimeoutError(f"{name} does not come back; {backend.models()}")
        time.sleep(0.02)
    return time.monotonic() - began


def answers(stage: Stage, name: str) -> bool:
    """Whether the model gives an answer."""
    from cmcore.errors import CmError

    try:
        stage.project.backend(stage.backend).infer(name, to_scale(1.0), timeout_s=2.0)
    except CmError:
        return False
    return True


def servers(folder: Path) -> list[int]:
    """The model servers that work in a folder."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if "tritonserver" in " ".join(process.info["cmdline"] or [])
        and any(str(folder) in part for part in process.info["cmdline"] or [])
    ]
