"""Readings of CPU, memory and GPU, and that a short attempt makes none."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue

from cmcore.runtime.readings import Meter, gpu_readings, gpu_values, read_meanwhile


class Ear:
    """A channel that remembers."""

    cancelled = False

    def __init__(self) -> None:
        self.heard: list[Mapping[str, JsonValue]] = []

    def report(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        self.heard.append(data)


def test_a_meter_reads_this_process() -> None:
    assert Meter().readings()["memory_mib"] > 1


def test_work_shows_as_cpu() -> None:
    meter, end = Meter(), time.process_time() + 0.05
    while time.process_time() < end:
        pass
    assert meter.readings()["cpu_percent"] > 1


def test_readings_are_reported_while_the_work_goes_on() -> None:
    ear = Ear()
    with read_meanwhile(ear, 0.01):
        deadline = time.monotonic() + 5
        while not ear.heard and time.monotonic() < deadline:
            time.sleep(0.01)
    assert {"cpu_percent", "memory_mib"} <= {str(data["name"]) for data in ear.heard}


def test_nothing_is_reported_after_the_work() -> None:
    ear = Ear()
    with read_meanwhile(ear, 0.01):
        time.sleep(0.03)
    count = len(ear.heard)
    time.sleep(0.05)
    assert len(ear.heard) == count


def test_a_machine_without_a_gpu_has_no_readings_of_one(tmp_path: Path) -> None:
    assert gpu_readings(tmp_path) == {}


def test_the_answer_of_nvidia_smi_is_read() -> None:
    assert gpu_values("0, 87, 40536, 310.2, 61\n1, 0, 4, [N/A], 33\n") == {
        "gpu_0_utilization_percent": 87, "gpu_0_memory_mib": 40536, "gpu_0_power_w": 310.2, "gpu_0_temperature_c": 61,
        "gpu_1_utilization_percent": 0, "gpu_1_memory_mib": 4, "gpu_1_temperature_c": 33,
    }  # fmt: skip
