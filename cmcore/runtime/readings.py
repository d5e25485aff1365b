"""Readings of the machine while an attempt works: CPU, memory and GPU, reported on its channel every few seconds."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cmcore.components.context import TRACKED, Channel
from cmcore.tracked import SystemReading

if TYPE_CHECKING:
    import psutil

MIB = 1024 * 1024
GPU_QUERY = {
    "utilization.gpu": "utilization_percent",
    "memory.used": "memory_mib",
    "power.draw": "power_w",
    "temperature.gpu": "temperature_c",
}
GPU_TIMEOUT_S = 5.0


@contextmanager
def read_meanwhile(channel: Channel, every_s: float) -> Iterator[None]:
    """While the block runs, report what this process and its children use; an attempt shorter than one period reads
    nothing and loads no library."""
    if not every_s:
        yield
        return
    over, reporting = threading.Event(), threading.Lock()
    arguments = (channel, every_s, over, reporting)
    threading.Thread(target=keep_reading, args=arguments, name="cmcore-readings", daemon=True).start()
    try:
        yield
    finally:
        with reporting:  # what follows on this channel must not be cut in two by a late reading
            over.set()


def keep_reading(channel: Channel, every_s: float, over: threading.Event, reporting: threading.Lock) -> None:
    """Report until it is over; a reading that fails is left out."""
    meter = Meter()
    while not over.wait(every_s):
        with suppress(OSError, ValueError):
            found = [SystemReading(at=time.time(), name=name, value=value) for name, value in meter.readings().items()]
            with reporting:
                for reading in found if not over.is_set() else ():
                    channel.report(TRACKED, reading.model_dump(mode="json"))


class Meter:
    """Reads what this process and its children use, and what the machine has left."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._before: tuple[float, float] = (time.monotonic(), time.process_time())

    def readings(self) -> Mapping[str, float]:
        """The values by name; `cpu_percent` is 100 for one core, since the last call."""
        import psutil

        process = psutil.Process(self._pid)
        tree = [process, *process.children(recursive=True)]
        now, (then, used_before) = time.monotonic(), self._before
        used = self._cpu_s(tree)
        self._before = (now, used)
        return {
            "cpu_percent": max(0.0, 100 * (used - used_before) / max(now - then, 1e-6)),
            "memory_mib": sum(self._resident(each) for each in tree) / MIB,
            "machine_cpu_percent": psutil.cpu_percent(),
            "machine_memory_percent": psutil.virtual_memory().percent,
            **gpu_readings(),
        }

    def _cpu_s(self, tree: list[psutil.Process]) -> float:
        return sum(self._used(each) for each in tree)

    @staticmethod
    def _used(process: psutil.Process) -> float:
        import psutil

        with suppress(psutil.Error):
            times = process.cpu_times()
            return float(times.user + times.system)
        return 0.0

    @staticmethod
    def _resident(process: psutil.Process) -> float:
        import psutil

        with suppress(psutil.Error):
            return float(process.memory_info().rss)
        return 0.0


def gpu_readings(devices: Path = Path("/dev")) -> dict[str, float]:
    """What `nvidia-smi` says of each GPU; nothing where there is none."""
    if not any(devices.glob("nvidia[0-9]*")):
        return {}
    command = ["nvidia-smi", f"--query-gpu=index,{','.join(GPU_QUERY)}", "--format=csv,noheader,nounits"]
    with suppress(OSError, subprocess.SubprocessError):
        asked = subprocess.run(  # noqa: S603 # fixed words
            command, capture_output=True, text=True, check=True, timeout=GPU_TIMEOUT_S
        )
        return gpu_values(asked.stdout)
    return {}


def gpu_values(text: str) -> dict[str, float]:
    """The values in the answer of `nvidia-smi`; what it does not know ([N/A]) is left out."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        index, *values = (part.strip() for part in line.split(","))
        for name, value in zip(GPU_QUERY.values(), values, strict=False):
            with suppress(ValueError):
                found[f"gpu_{index}_{name}"] = float(value)
    return found
