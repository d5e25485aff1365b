"""LocalLauncher: attempts in worker processes that survive between attempts and die with the driver."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from cmcore.address import Address
from cmcore.components.component import Work
from cmcore.errors import CmError, StateError
from cmcore.runtime.attempt import clear_away
from cmcore.runtime.job import Failure, FailureCode, Job, Outcome
from cmcore.runtime.launcher import Ended, Told
from cmcore.runtime.logs import AttemptLog, drain, log_path
from cmcore.runtime.memory import resident_mib
from cmcore.runtime.readings import Readings
from cmcore.runtime.wire import Inbox, Message, receive, send

CHUNK = 262_144
LAST_WORDS_S = 0.2  # for what a dead worker printed to be filtered; a child that it left behind may hold the pipe
MEMORY_LOOK_S = 0.1  # between two looks at attempts that have a memory limit


class Worker:
    """One worker process as the driver sees it: its socket, its output, and the attempt it is at."""

    def __init__(self, pid: int, sock: socket.socket, output: int) -> None:
        self.pid, self.socket, self.output = pid, sock, output
        self.inbox = Inbox()
        self.job: Job | None = None
        self.log: AttemptLog | None = None
        self.stopped_for: tuple[FailureCode, str] | None = None

    def start(self, job: Job, log: AttemptLog) -> None:
        """Hand it an attempt; raises OSError if the process is gone."""
        self.job, self.log = job, log
        send(self.socket, {"kind": "job", "job": job.model_dump(mode="json", exclude_defaults=True)})

    def stop(self, code: FailureCode, message: str) -> None:
        """Kill it with its process group, for a reason that its attempt is recorded with."""
        self.stopped_for = self.stopped_for or (code, message)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # a worker that was just forked may not lead its group yet
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def finish(self, *, patience_s: float = 0.0) -> None:
        """Close the log of the attempt that is over."""
        drain(self.output, self.log, patience_s=patience_s)
        if self.log is not None:
            self.log.close()
        self.job = self.log = None


class LocalLauncher:
    """Worker processes under one warden; started when first needed, replaced when they die. They work in `folder`.

    `python` is the interpreter that they run, by default this one; this very cmcore must be installed for it.
    """

    def __init__(self, *, logs: Path, folder: Path, python: str = "") -> None:
        self._logs, self._folder, self._python = logs, folder, python or sys.executable
        self._selector = selectors.DefaultSelector()
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, None)
        self._warden: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._control_inbox = Inbox()
        self._workers: dict[int, Worker] = {}
        self._idle: list[Worker] = []
        self._heard: deque[Told | Ended] = deque()
        self._readings = Readings(self._read)
        self.deaths = 0

    def submit(self, job: Job, work: Work | None = None) -> str:
        """Give the attempt to an idle worker, or to a new one."""
        assert work is None, "the local launcher imports its executors"
        log = AttemptLog(log_path(self._logs, Address.parse(job.address)))
        while True:
            worker = self._idle.pop() if self._idle else self._forked()
            try:
                worker.start(job, log)
            except OSError:
                worker.job = worker.log = None  # it died between two attempts; the warden's word comes later
                continue
            self._readings.begin(job.address, worker.pid, job.system_metrics_s)
            return str(worker.pid)

    def heard(self, timeout_s: float) -> Sequence[Told | Ended]:
        """Wait for the first event, then give all there are."""
        deadline = time.monotonic() + timeout_s
        while not self._heard:
            limited = self._stop_greedy()
            patience_s = max(0.0, deadline - time.monotonic())
            ready = self._selector.select(min(patience_s, MEMORY_LOOK_S) if limited else patience_s)
            woken = False
            for key, _ in ready:
                woken |= self._handle(key)
            if woken or time.monotonic() >= deadline:
                break
        events = list(self._heard)
        self._heard.clear()
        return events

    def find(self, address: str) -> str:
        """The worker that is at this attempt; those of a driver that died have died with it."""
        return next((str(pid) for pid, it in self._workers.items() if it.job and it.job.address == address), "")

    def adopt(self, address: str, handle: str) -> bool:
        """Only an attempt of this very driver: local workers die with theirs."""
        return bool(self.find(address) == handle and handle)

    def cancel(self, address: str) -> None:
        """Ask the executor to stop; it hears of it when it looks at `context.cancelled`."""
        for worker in self._at(address):
            with contextlib.suppress(OSError):
                send(worker.socket, {"kind": "cancel"})

    def kill(self, address: str) -> None:
        """Kill the worker with its process group."""
        for worker in self._at(address):
            worker.stop(FailureCode.CANCELED, "its process was killed")

    def wake(self) -> None:
        """Make `heard` return."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_writer, b"!")

    def close(self) -> None:
        """Let the warden kill everything and wait until it has."""
        self._readings.close()
        if self._control is not None:
            self._control.close()
        killed = self._warden is not None and self._warden.wait() != 0
        for worker in self._workers.values():
            if killed:
                kill_group(worker.pid)
            if worker.job is not None:
                clear_away(worker.job)
            worker.finish()
            worker.socket.close()
            os.close(worker.output)
        self._workers.clear()
        self._selector.close()
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    def _read(self, told: Told) -> None:
        """Called from the thread of the readings."""
        self._heard.append(told)
        self.wake()

    def _stop_greedy(self) -> bool:
        """Kill attempts that use more memory than their node asked for; whether there are attempts with a limit."""
        limited = [worker for worker in self._workers.values() if worker.job and worker.job.memory_mib]
        for worker in limited:
            assert worker.job is not None
            used_mib = resident_mib(worker.pid)
            if used_mib > worker.job.memory_mib:
                worker.stop(
                    FailureCode.OUT_OF_MEMORY,
                    f"it used {used_mib:.0f} MiB; its node asked for memory_mib: {worker.job.memory_mib}",
                )
        return bool(limited)

    def _at(self, address: str) -> list[Worker]:
        return [worker for worker in self._workers.values() if worker.job and worker.job.address == address]

    def _forked(self) -> Worker:
        """A new worker; raises StateError if there is no warden to be had."""
        control = self._control or self._start_warden()
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe2(os.O_CLOEXEC)
        try:
            socket.send_fds(control, [b"f"], [theirs.fileno(), writing])
        except OSError as error:
            raise StateError("the process that forks workers has died; run `cm resume` to go on") from error
        finally:
            theirs.close()
            os.close(writing)
        while (answer := receive(control)) is not None and answer["kind"] != "forked":
            self._warden_says(answer)
        if answer is None:
            raise StateError("the process that forks workers has died; run `cm resume` to go on")
        os.set_blocking(reading, False)
        worker = Worker(int(str(answer["pid"])), ours, reading)
        self._workers[worker.pid] = worker
        self._selector.register(ours, selectors.EVENT_READ, worker)
        self._selector.register(reading, selectors.EVENT_READ, worker)
        return worker

    def _start_warden(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        command = [self._python, "-P", "-m", "cmcore.runtime.warden", str(theirs.fileno()), *sys.argv]
        self._warden = subprocess.Popen(  # noqa: S603 # our own module under our own interpreter
            command,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            cwd=self._folder,
        )  # fmt: skip
        theirs.close()
        self._control = ours
        self._selector.register(ours, selectors.EVENT_READ, "warden")
        return ours

    def _handle(self, key: selectors.SelectorKey) -> bool:
        """Handle one ready descriptor; True if it was a wake-up."""
        now = self._selector.get_map().get(key.fd)
        if now is None or now.data is not key.data:
            return False  # what was handled before it has closed it
        match key.data:
            case None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_reader, 4096)
                return True
            case "warden":
                self._warden_ready()
            case Worker() as worker if key.fd == worker.output:
                self._output_ready(worker)
            case Worker() as worker:
                self._worker_ready(worker)
        return False

    def _output_ready(self, worker: Worker) -> None:
        try:
            chunk = os.read(worker.output, CHUNK)
        except BlockingIOError:
            return  # its attempt has ended meanwhile, and took what there was
        if not chunk:
            self._selector.unregister(worker.output)
        elif worker.log is not None:
            worker.log.write(chunk)

    def _worker_ready(self, worker: Worker) -> None:
        chunk = self._received(worker.socket)
        if not chunk:
            self._selector.unregister(worker.socket)
            return
        try:
            for message in worker.inbox.fed(chunk):
                self._worker_says(worker, message)
        except (ValueError, KeyError, CmError) as error:
            self._end(worker, FailureCode.BAD_RESULT, f"the worker's answer is not understood: {error}")
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)

    @staticmethod
    def _received(sock: socket.socket) -> bytes:
        try:
            return sock.recv(CHUNK)
        except ConnectionError:
            return b""

    def _worker_says(self, worker: Worker, message: Message) -> None:
        if message["kind"] == "outcome":
            outcome = Outcome.model_validate_json(str(message["outcome"]))
            address = worker.job.address if worker.job else outcome.address
            self._readings.end(address)
            worker.finish()
            self._idle.append(worker)
            self._heard.append(Ended(address=address, outcome=outcome))
        elif worker.job is not None:
            data = message.get("data")
            self._heard.append(
                Told(address=worker.job.address, kind=str(message["kind"]), data=data if isinstance(data, dict) else {})
            )

    def _warden_ready(self) -> None:
        assert self._control is not None
        chunk = self._control.recv(CHUNK)
        if not chunk:
            self._selector.unregister(self._control)
            for worker in list(self._workers.values()):
                kill_group(worker.pid)
                self._bury(worker, signal.SIGKILL)
            self._control.close()
            self._control = None
            return
        for message in self._control_inbox.fed(chunk):
            self._warden_says(message)

    def _warden_says(self, message: Message) -> None:
        worker = self._workers.get(int(str(message["pid"])))
        if message["kind"] == "died" and worker is not None:
            self._bury(worker, int(str(message["status"])))

    def _bury(self, worker: Worker, status: int) -> None:
        """A worker has died: hear its last words, end its attempt, forget it."""
        self.deaths += 1
        self._last_words(worker)
        if worker.job is not None:
            code, message = worker.stopped_for or cause_of_death(status)
            clear_away(worker.job)
            self._end(worker, code, message, patience_s=LAST_WORDS_S)
        for fd in (worker.socket, worker.output):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(fd)
        worker.socket.close()
        os.close(worker.output)
        self._workers.pop(worker.pid, None)
        if worker in self._idle:
            self._idle.remove(worker)

    def _last_words(self, worker: Worker) -> None:
        """Messages that were sent before death: an outcome that made it counts."""
        worker.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError, ValueError, KeyError, CmError):
            while chunk := self._received(worker.socket):
                for message in worker.inbox.fed(chunk):
                    self._worker_says(worker, message)

    def _end(self, worker: Worker, code: FailureCode, message: str, *, patience_s: float = 0.0) -> None:
        if worker.job is None:
            return
        address = worker.job.address
        self._readings.end(address)
        worker.finish(patience_s=patience_s)
        failure = Failure(code=code, message=message)
        self._heard.append(Ended(address=address, outcome=Outcome(address=address, failure=failure)))


def kill_group(pid: int) -> None:
    """Kill what a worker has started, where no warden is left to do it: the kernel kills the worker only."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def cause_of_death(status: int) -> tuple[FailureCode, str]:
    """What a worker's exit status means for the attempt it was at."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return FailureCode.NO_RESULT, f"its process ended with exit code {code} before it gave a result"
    name = signal.Signals(-code).name
    if -code == signal.SIGKILL:
        return FailureCode.OUT_OF_MEMORY, f"its process was killed by {name}, as the kernel does when memory runs out"
    return FailureCode.CRASHED, f"its process died of {name}"
