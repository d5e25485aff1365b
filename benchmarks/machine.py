"""The machine that figures were taken on, as one line of facts."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("cmcore", "ml-metadata", "sqlalchemy", "pydantic", "click", "mlflow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Processor, cores, load before the measurements, how long the disk takes to sync a small file, versions."""

    cpu: str
    cores: int
    load: float
    sync_ms: float
    python: str
    versions: dict[str, str]


def this_machine() -> Machine:
    """The machine that this runs on, now."""
    return Machine(
        cpu=processor(),
        cores=len(os.sched_getaffinity(0)),
        load=os.getloadavg()[0],
        sync_ms=sync_ms(),
        python=platform.python_version(),
        versions={name: version(name) for name in PACKAGES},
    )


def processor() -> str:
    """The processor's name as Linux tells it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def sync_ms(times: int = 50) -> float:
    """The median time to append 1 kB to a file where temporary files lie, and to sync it."""
    taken = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(times):
            file.write(bytes(1024))
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000
