"""Readings of what attempts use: CPU, memory and GPU of their processes, in a thread beside whoever launched them.

Executors have no part in it: a reading comes also from one that never lets go of the interpreter.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from cmcore.components.context import TRACKED
from cmcore.runtime.launcher import Told
from cmcore.tracked import SystemReading

if TYPE_CHECKING:
    import psutil

MIB = 1024 * 1024
TICK_S = 1.0  # how often it is looked which readings are due
GPU_QUERY = {
    "utilization.gpu": "utilization_percent",
    "memory.used": "memory_mib",
    "power.draw": "power_w",
    "temperature.gpu": "temperature_c",
}
GPU_TIMEOUT_S = 5.0


@dataclass(slots=True, kw_only=True)
class Subject:
    """An attempt that is read: its process, how often, when next, and how much CPU time it had used when."""

    pid: int
    every_s: float
    due_at: float
    cpu_s: float = 0.0
    looked_at: float = 0.0


class Readings:
    """Reads attempts from `begin` to `end`; one that is over before its first period costs nothing."""

    def __init__(self, tell: Callable[[Told], None], *, tick_s: float = TICK_S) -> None:
        self._tell, self._tick_s = tell, tick_s
        self._subjects: dict[str, Subject] = {}
        self._closed = threading.Event()
        self._telling = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self, address: str, pid: int, every_s: float) -> None:
        """Read this attempt every so many seconds; 0: never."""
        if not every_s:
            return
        self._tick_s = min(self._tick_s, every_s / 2)
        self._subjects[address] = Subject(pid=pid, every_s=every_s, due_at=time.monotonic() + every_s)
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="cmcore-readings", daemon=True)
            self._thread.start()

    def end(self, address: str) -> None:
        """This attempt is over."""
        self._subjects.pop(address, None)

    def close(self) -> None:
        """Read nothing more; nothing is told once this has returned."""
        with self._telling:
            self._closed.set()

    def _read(self) -> None:
        while not self._closed.wait(self._tick_s):
            machine: dict[str, float] = {}
            for address, subject in list(self._subjects.items()):
                with suppress(OSError, ValueError):
                    self._look(address, subject, machine)

    def _look(self, address: str, subject: Subject, machine: dict[str, float]) -> None:
        """Read one attempt if it is due; `machine` is read once for all that are due at once."""
        if not subject.looked_at:
            subject.looked_at, subject.cpu_s = time.monotonic(), cpu_s(tree(subject.pid))
        elif time.monotonic() >= subject.due_at:
            subject.due_at += subject.every_s
            machine.update({} if machine else machine_readings())
            for name, value in {**readings(subject), **machine}.items():
                reading = SystemReading(at=time.time(), name=name, value=value)
                data: dict[str, JsonValue] = reading.model_dump(mode="json")
                with self._telling:
                    if not self._closed.is_set():
                        self._tell(Told(address=address, kind=TRACKED, data=data))


def readings(subject: Subject) -> Mapping[str, float]:
    """The values by name; `cpu_percent` is 100 for one core, since the last look."""
    processes, now = tree(subject.pid), time.monotonic()
    used, before, then = cpu_s(processes), subject.cpu_s, subject.looked_at
    subject.cpu_s, subject.looked_at = used, now
    return {
        "cpu_percent": max(0.0, 100 * (used - before) / max(now - then, 1e-6)),
        "memory_mib": sum(map(resident, processes)) / MIB,
    }


def machine_readings() -> dict[str, float]:
    """What the whole machine has in use; its CPUs since the last call."""
    import psutil

    return {
        "machine_cpu_percent": psutil.cpu_percent(),
        "machine_memory_percent": psutil.virtual_memory().percent,
        **gpu_readings(),
    }


def tree(pid: int) -> list[psutil.Process]:
    """A process and its descendants; none if it is gone."""
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def cpu_s(processes: list[psutil.Process]) -> float:
    """The CPU time that processes have used."""
    import psutil

    total = 0.0
    for process in processes:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def resident(process: psutil.Process) -> float:
    """The physical memory of a process in bytes; 0 if it is gone."""
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
