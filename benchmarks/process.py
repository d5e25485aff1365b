"""Fresh processes and what they used: wall time, CPU time, memory. What is run is the caller's."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PYTHON = sys.executable
REPOSITORY = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one process used; CPU time with the children that it waited for, `rss_mib` its own largest."""

    wall_s: float
    cpu_s: float
    rss_mib: float


class BenchmarkError(Exception):
    """A process that was to be measured failed, with what it printed."""


def measured(command: Sequence[str], *, cwd: Path = REPOSITORY, variables: Mapping[str, str] | None = None) -> Usage:
    """Run a command to its end; raises BenchmarkError if it fails."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 # our own commands
            command, cwd=cwd, env=environment(variables), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if status:
            output.seek(0)
            printed = output.read().decode(errors="replace")
            raise BenchmarkError(f"{' '.join(command)} ended with {process.returncode}:\n{printed}")
    return Usage(wall_s=wall_s, cpu_s=used.ru_utime + used.ru_stime, rss_mib=used.ru_maxrss / 1024)


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment, free of what would change the figures: bytecode is written, settings are default."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CM_", "PYTHON", "COVERAGE"))}
    return {**kept, **(variables or {})}
