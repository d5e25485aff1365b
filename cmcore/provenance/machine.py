"""What a run's machine was, as far as it can change a result: processor, cores, memory, devices. Asked without root."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from pydantic import JsonValue

PROC = Path("/proc")


def machine(proc: Path = PROC) -> dict[str, JsonValue]:
    """The machine of this process; what cannot be found out is left out."""
    found: dict[str, JsonValue] = {"cpu": cpu_model(proc), "cores": os.cpu_count(), "gpus": [*gpu_models(proc)]}
    return {key: value for key, value in found.items() if value}


def cpu_model(proc: Path) -> str:
    """The processor's own name; the architecture where the system does not tell it."""
    return _field(proc / "cpuinfo", "model name") or platform.machine()


def gpu_models(proc: Path) -> list[str]:
    """The NVIDIA devices by model, as their driver lists them."""
    found = sorted((proc / "driver" / "nvidia" / "gpus").glob("*/information"))
    return [_field(file, "Model") for file in found]


def _field(file: Path, name: str) -> str:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), "")
