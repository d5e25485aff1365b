"""The memory of a process and everything below it, sampled while it runs: the most that they held together."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.process import BenchmarkError, environment

INTERVAL_S = 0.05


def peak_mib(command: Sequence[str], *, cwd: Path, variables: Mapping[str, str] | None = None) -> float:
    """Run a command; the largest sum of its processes' memory in MiB, a page that they share counted once."""
    process = subprocess.Popen(  # noqa: S603 # our own commands
        command,
        cwd=cwd,
        env=environment(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak_kib = 0
    while process.poll() is None:
        peak_kib = max(peak_kib, sum(map(proportional_kib, family(process.pid))))
        time.sleep(INTERVAL_S)
    if process.returncode:
        raise BenchmarkError(f"{' '.join(command)} ended with {process.returncode} while its memory was watched")
    return peak_kib / 1024


def family(pid: int) -> Iterator[int]:
    """A process and its descendants."""
    yield pid
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            yield from family(int(child))


def proportional_kib(pid: int) -> int:
    """A process's memory, with its part of what it shares with others; 0 if it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
