"""Holder: which process of which machine holds a lease, and whether that process is known to be gone.

Linux's /proc is read here and nowhere else in `state`; no database is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PROC = Path("/proc")
ENDED = frozenset("ZX")  # a zombie waits for its parent, and does nothing more


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One process: its id means nothing without the host, the boot, the PID namespace and the time it started.

    `process_started` is `<clock ticks since boot>@<PID namespace>`.
    """

    host: str
    boot_id: str
    pid: int
    process_started: str
    actor: str

    def __str__(self) -> str:
        return f"{self.actor}@{self.host} pid {self.pid}"

    @classmethod
    def this(cls, actor: str) -> Self:
        """The calling process, on behalf of `actor`."""
        pid = os.getpid()
        _, ticks = process_status(pid)
        return cls(
            host=os.uname().nodename,
            boot_id=boot_id(),
            pid=pid,
            process_started=f"{ticks}@{pid_namespace()}",
            actor=actor,
        )


def is_gone(holder: Holder) -> bool:
    """Whether the holder's process is known to have ended; False where that cannot be known from here."""
    ticks, _, namespace = holder.process_started.partition("@")
    if (holder.host, holder.boot_id, namespace) != (os.uname().nodename, boot_id(), pid_namespace()):
        return False
    try:
        os.kill(holder.pid, 0)
        state, found_ticks = process_status(holder.pid)
    except ProcessLookupError:
        return True
    except (PermissionError, FileNotFoundError):
        return False  # another user's process: it exists, and /proc may hide more than that
    return state in ENDED or found_ticks != ticks


def boot_id() -> str:
    """The name of this boot of this machine."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def pid_namespace() -> str:
    """The set of processes among which a process id is unique: containers on one host differ in it."""
    return (PROC / "self/ns/pid").readlink().name.strip("pid:[]")


def process_status(pid: int) -> tuple[str, str]:
    """State letter and start time in clock ticks since boot."""
    # the second field is the command in brackets and may itself contain spaces and brackets
    fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    return fields[0], fields[19]
