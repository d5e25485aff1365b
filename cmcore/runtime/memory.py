"""How much physical memory an attempt uses: its process and everything below it. Linux's /proc is read here only."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

PAGE = resource.getpagesize()


def resident_mib(pid: int) -> float:
    """Resident memory of a process and its descendants in MiB, shared pages counted once per process."""
    return sum(_resident_bytes(each) for each in tree(pid)) / (1024 * 1024)


def tree(pid: int) -> list[int]:
    """A process and its descendants; those that end meanwhile are left out."""
    found = [pid]
    for each in found:
        with suppress(OSError):
            found += map(int, Path(f"/proc/{each}/task/{each}/children").read_text(encoding="ascii").split())
    return found


def _resident_bytes(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE
    return 0
