"""The warden: forks workers, reports their deaths, and lets none of them or their children outlive the driver.

One per driver, single-threaded and without user code, so that forking it is safe and cheap.
"""

from __future__ import annotations

import ctypes
import gc
import os
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from cmcore.components.secret import take_from_environment
from cmcore.runtime import worker
from cmcore.runtime.wire import send

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
REAP_INTERVAL_S = 0.002


def prctl(option: int, value: int) -> None:
    """Linux's prctl; elsewhere nothing, and orphans of killed drivers are possible."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


class Warden:
    """Serves one driver over `control`: two descriptors per request, a worker's socket and its output pipe."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.wake_reader, self.wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self) -> None:
        """Fork on request until the driver is gone, then leave nobody behind."""
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        signal.set_wakeup_fd(self.wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)  # the driver decides when to stop
        gc.freeze()
        with selectors.DefaultSelector() as selector:
            selector.register(self.control, selectors.EVENT_READ)
            selector.register(self.wake_reader, selectors.EVENT_READ)
            try:
                while self.turn({key.fd for key, _ in selector.select()}):
                    pass
            except BrokenPipeError:  # the driver died while it waited for an answer
                pass
            finally:
                kill_descendants()

    def turn(self, ready: set[int]) -> bool:
        """Handle what is ready; False once the driver is gone."""
        if self.wake_reader in ready:
            with suppress(BlockingIOError):
                os.read(self.wake_reader, 4096)
            self.report_deaths()
        if self.control.fileno() in ready:
            try:
                request, descriptors, _, _ = socket.recv_fds(self.control, 1, 2)
            except ConnectionResetError:  # it closed with words of ours unread
                return False
            if not request:
                return False
            self.fork(*descriptors)
        return True

    def fork(self, sock_fd: int, output: int) -> None:
        """A new worker in a session of its own."""
        pid = os.fork()
        if pid == 0:
            try:
                become_worker(sock_fd, output)
            finally:
                os._exit(0)
        os.close(sock_fd)
        os.close(output)
        send(self.control, {"kind": "forked", "pid": pid})

    def report_deaths(self) -> None:
        """Reap whoever has died; those that are not workers (adopted orphans) are reaped in silence by the driver."""
        with suppress(ChildProcessError, OSError):
            while (found := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(found[0], signal.SIGKILL)  # what the worker started goes with it
                send(self.control, {"kind": "died", "pid": found[0], "status": found[1]})


def become_worker(sock_fd: int, output: int) -> None:
    """What the forked child does: a session of its own, default signals, then a worker's life."""
    os.setsid()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    for name in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_DFL)
    sock = socket.socket(fileno=sock_fd)
    for fd in open_descriptors():
        if fd > 2 and fd not in (sock_fd, output):
            with suppress(OSError):
                os.close(fd)
    worker.main(sock, output)


def open_descriptors() -> list[int]:
    """The file descriptors of this process."""
    return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 # names, not paths


def kill_descendants() -> None:
    """Kill everything below this process, again until nothing is left; orphans come to us as their subreaper."""
    with suppress(ChildProcessError):  # there is nobody left
        while True:
            for pid in children_of(os.getpid()):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(REAP_INTERVAL_S)  # the list of children may leave some out while others die


def children_of(pid: int) -> list[int]:
    """The process ids of a process's children."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text(encoding="ascii").split()] if listed.exists() else []


def main() -> None:
    """Entry point: `python -m cmcore.runtime.warden FD ARGV...`; modules that read `sys.argv` see the driver's."""
    control, sys.argv = int(sys.argv[1]), sys.argv[2:]
    os.setsid()
    take_from_environment()
    Warden(socket.socket(fileno=control)).run()


if __name__ == "__main__":
    main()
