"""Readings of CPU, memory and GPU, and that a short attempt makes none."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.runtime.launcher import Told
from cmcore.runtime.readings import Readings, Subject, gpu_readings, gpu_values, readings, tree

ADDRESS = "run-1/train/1"
PATIENCE_S = 5.0


@pytest.fixture
def told() -> list[Told]:
    return []


@pytest.fixture
def reading(told: list[Told]) -> Iterator[Readings]:
    made = Readings(told.append, tick_s=0.005)
    yield made
    made.close()


def wait_for(told: list[Told]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not told and time.monotonic() < deadline:
        time.sleep(0.005)


def subject() -> Subject:
    return Subject(pid=os.getpid(), every_s=1.0, due_at=0.0, looked_at=time.monotonic(), cpu_s=time.process_time())


def test_memory_is_that_of_the_process() -> None:
    assert readings(subject())["memory_mib"] > 1


def test_work_shows_as_cpu() -> None:
    looked, end = subject(), time.process_time() + 0.05
    while time.process_time() < end:
        pass
    assert readings(looked)["cpu_percent"] > 1


def test_an_attempt_is_read_while_it_goes_on(reading: Readings, told: list[Told]) -> None:
    reading.begin(ADDRESS, os.getpid(), 0.01)
    wait_for(told)
    assert {it.address for it in told} == {ADDRESS}


def test_an_attempt_that_is_over_is_read_no_more(reading: Readings, told: list[Told]) -> None:
    reading.begin(ADDRESS, os.getpid(), 0.01)
    reading.end(ADDRESS)
    time.sleep(0.05)
    assert told == []


def test_a_period_of_zero_means_never(reading: Readings, told: list[Told]) -> None:
    reading.begin(ADDRESS, os.getpid(), 0)
    time.sleep(0.03)
    assert told == []


def test_a_process_that_is_gone_has_no_tree() -> None:
    assert tree(2**22 + 1) == []


def test_a_machine_without_a_gpu_has_no_readings_of_one(tmp_path: Path) -> None:
    assert gpu_readings(tmp_path) == {}


def test_the_answer_of_nvidia_smi_is_read() -> None:
    assert gpu_values("0, 87, 40536, 310.2, 61\n1, 0, 4, [N/A], 33\n") == {
        "gpu_0_utilization_percent": 87, "gpu_0_memory_mib": 40536, "gpu_0_power_w": 310.2, "gpu_0_temperature_c": 61,
        "gpu_1_utilization_percent": 0, "gpu_1_memory_mib": 4, "gpu_1_temperature_c": 33,
    }  # fmt: skip
