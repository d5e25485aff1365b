"""What is recorded of a machine."""

from __future__ import annotations

import platform
from pathlib import Path

from cmcore.provenance.machine import machine


def test_the_processor_is_named_as_it_names_itself(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Ada 1\n\nprocessor\t: 1\nmodel name\t: Ada 1\n")
    assert machine(tmp_path)["cpu"] == "Ada 1"


def test_where_it_does_not_the_architecture_stands_for_it(tmp_path: Path) -> None:
    assert machine(tmp_path)["cpu"] == platform.machine()


def test_gpus_are_named_by_model(tmp_path: Path) -> None:
    device = tmp_path / "driver" / "nvidia" / "gpus" / "0000:01:00.0"
    device.mkdir(parents=True)
    (device / "information").write_text("Model: \t\t H100\nIRQ: 1\n")
    assert machine(tmp_path)["gpus"] == ["H100"]


def test_a_machine_without_gpus_does_not_speak_of_them(tmp_path: Path) -> None:
    assert "gpus" not in machine(tmp_path)
