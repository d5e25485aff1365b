"""A process that outlives the one that started it, and how another process finds it again. Linux only."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from cmcore.errors import ServingError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LOCK_STEP_S = 0.05
EXEC_S = 1.0  # a process that starts its program has its command line after so long, all together
ENDED = ("", "Z", "X")
KILLED_S = 5.0  # what was killed has ended after so long, or hangs in the kernel


class ServerRecord(BaseModel):
    """What is remembered of a server. `born` tells its process from a later one of the same number; empty: none.

    `settled` says that its ports are its own: it has answered on them, or they were asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int = 0
    born: str = ""
    http: int
    grpc: int
    metrics: int
    command: tuple[str, ...] = ()
    python: str = ""
    settled: bool = True

    @property
    def ports(self) -> tuple[int, int, int]:
        """HTTP, gRPC, metrics."""
        return self.http, self.grpc, self.metrics


def read_record(path: Path) -> ServerRecord | None:
    """The record; None where there is none. Raises ServingError where it is damaged."""
    try:
        return ServerRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ServingError(f"{path} cannot be read ({error}); end the server that it meant and delete it") from error


def write_record(path: Path, record: ServerRecord) -> None:
    """Replace the record, whole or not at all."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(record.model_dump_json(indent=1), encoding="utf-8")
    aside.replace(path)


@contextmanager
def locked(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the file's lock, which the kernel takes back from a process that dies; raises ServingError in time."""
    until = time.monotonic() + timeout_s
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not took(descriptor):
            if time.monotonic() > until:
                raise ServingError(f"another process has been starting or stopping the server of {path.parent}")
            time.sleep(LOCK_STEP_S)
        yield
    finally:
        os.close(descriptor)


def took(descriptor: int) -> bool:
    """Whether the lock is ours now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def look(pid: int) -> tuple[str, str]:
    """The state of a process by its letter in /proc, and what tells it from every other one, also after a reboot; both
    empty where there is none. One that has ended is there until who started it has waited for it."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    state, *fields = text[text.rindex(")") + 2 :].split()
    return state, f"{BOOT_ID.read_text(encoding='utf-8').strip()}:{fields[18]}"


def birth(pid: int) -> str:
    """What tells a living process from every other one; empty where it has ended."""
    state, born = look(pid)
    return "" if state in ENDED else born


def alive(record: ServerRecord | None) -> bool:
    """Whether the process of the record is there. Where this process started it and it has ended, it is waited for."""
    if record is None or record.pid <= 0:
        return False
    state, born = look(record.pid)
    if born != record.born:
        return False
    if state in ENDED:
        with suppress(ChildProcessError):
            os.waitpid(record.pid, os.WNOHANG)
    return state not in ENDED


def spawn(command: Sequence[str], variables: Mapping[str, str], log: Path) -> int:
    """Start a process in a session of its own, which the end of this one does not touch; its number."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    try:
        return os.posix_spawn(command[0], list(command), dict(variables), file_actions=actions, setsid=True)
    except OSError as error:
        raise ServingError(f"{command[0]} cannot be started: {error}") from error


def found_by(argument: str) -> int:
    """The number of a living process that has this argument, whose record was never written; 0 where there is none."""
    until = time.monotonic() + EXEC_S
    for pid in psutil.pids():
        if argument in arguments_of(pid, until) and birth(pid):
            return pid
    return 0


def arguments_of(pid: int, until: float) -> tuple[str, ...]:
    """The command line of a process. One without any may be just starting its program: it is looked at again till then.

    Linux wakes whoever spawned a process, and gives its locks back, before the new command line can be read.
    """
    while not (found := command_line(pid)) and starts_program(pid) and time.monotonic() < until:
        time.sleep(0.001)
    return tuple(found.rstrip("\0").split("\0"))


def command_line(pid: int) -> str:
    """As the kernel has it, zeros between the arguments; empty where there is none, also no process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def starts_program(pid: int) -> bool:
    """Whether a process without a command line may get one: it lives, and runs a program, as no kernel thread does."""
    try:
        return bool(birth(pid) and Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return False


def end(record: ServerRecord, timeout_s: float) -> None:
    """Ask the process to end, and end it and its session where it has not in time."""
    with suppress(ProcessLookupError):
        os.kill(record.pid, signal.SIGTERM)
    if not gone(record, timeout_s):
        with suppress(ProcessLookupError):
            os.killpg(record.pid, signal.SIGKILL)
        gone(record, KILLED_S)


def gone(record: ServerRecord, timeout_s: float) -> bool:
    """Whether it has ended, after so long a wait at most."""
    until = time.monotonic() + timeout_s
    while alive(record):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
