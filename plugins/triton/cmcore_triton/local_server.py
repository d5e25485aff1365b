"""A Triton of this folder's own: started when it is needed, found again by other processes, started anew on the same
ports when it has died. In the folder: models/, backends/, server.json, server.lock, control.secret and triton.log."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import psutil

from cmcore.errors import ServingError
from cmcore_triton.control_secret import HIDDEN, METADATA_KEY, restrictions, secret_of
from cmcore_triton.installation import (
    STUB,
    Installation,
    environment,
    installation,
    interpreter,
    require_libraries,
    usable_backends,
)  # fmt: skip
from cmcore_triton.options import TritonOptions
from cmcore_triton.server_process import (
    ServerRecord,
    alive,
    birth,
    end,
    found_by,
    locked,
    look,
    read_record,
    spawn,
    write_record,
)  # fmt: skip

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 # where Triton's stubs share memory with it
PORTS = range(28_000, 32_000)  # below those that the kernel lends to clients, above those of Ray's clusters
STUBS_S = 3.0  # stubs look for their server every 0.3 s
MARK = "--- cmcore"
ERROR = re.compile(r"E\d{4} |[Ee]rror")
MIB = 2**20


class LocalServer:
    """The server of a folder. Every call may come from another process than the last one."""

    def __init__(self, folder: Path, options: TritonOptions) -> None:
        self.folder, self.options = folder.absolute(), options
        self.key = f"cmcore-{sha256(str(self.folder).encode()).hexdigest()[:12]}"
        self.models, self.log = self.folder / "models", self.folder / "triton.log"
        self._ports: tuple[int, int, int] | None = None
        self._record_path, self._backends = self.folder / "server.json", self.folder / "backends"

    def record(self) -> ServerRecord | None:
        """What is remembered of it; None where it has never been started."""
        return read_record(self._record_path)

    def ports(self) -> tuple[int, int, int]:
        """HTTP, gRPC, metrics, which stay the same; raises ServingError where it has never been started."""
        if self._ports is None:
            record = self.record()
            if record is None:
                raise ServingError(f"no Triton of {self.folder} has been started yet")
            if not record.settled:
                return record.ports
            self._ports = record.ports
        return self._ports

    def control_metadata(self) -> tuple[tuple[str, str], ...]:
        """What a gRPC call says that controls the server; raises ServingError."""
        return () if self.options.open_control else ((METADATA_KEY, secret_of(self.folder / "control.secret")),)

    def running(self) -> ServerRecord | None:
        """The record of the server that runs; None where none does."""
        record = self.record()
        return record if alive(record) else None

    def start(self, answers: Callable[[ServerRecord], bool]) -> None:
        """Have it run and answer; raises ServingError. `answers` says whether a server of that record does."""
        found = installation(self.options)
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "server.lock", self.options.start_timeout_s * 2):
            record = self._adopted()
            if record is not None:
                self._refuse_others(found, record)
                if self._answered(record, answers):
                    return
            record = self._launch(found)  # also where the one that ran was just ending
            if not self._answered(record, answers):
                raise ServingError(f"Triton has ended right after its start: {self.tail()} (log: {self.log})")

    def _refuse_others(self, found: Installation, record: ServerRecord) -> None:
        """Raises ServingError where it runs with other options."""
        differ = differences(
            (*record.command, f"python={record.python}"),
            (*self._command(found, record, HIDDEN), f"python={self._python()}"),
        )
        if differ:
            raise ServingError(
                f"the Triton of {self.folder} (process {record.pid}) runs with other options than are asked for now: "
                f"{', '.join(differ)}. It may have traffic, so it is left as it is. To restart it, end "
                f"cm serve where it runs, then: cm serve --restart {self.folder.name}"
            )

    def _adopted(self) -> ServerRecord | None:
        """The server that runs, also one whose starter was killed before it could note the process."""
        record = self.record()
        if alive(record):
            return record
        pid = found_by(f"--id={self.key}")
        if not pid:
            return None
        if record is None:
            raise ServingError(
                f"the Triton of {self.folder} runs as process {pid}, and {self._record_path}, which has its ports, is "
                "gone; a second one would take its models' processes away. End that process, then start again"
            )
        record = record.model_copy(update={"pid": pid, "born": birth(pid)})
        write_record(self._record_path, record)
        return record

    def _launch(self, found: Installation) -> ServerRecord:
        """Start the process. Its ports are noted before, its number right after."""
        python = interpreter(self.options.python)
        variables = environment(found, python, os.environ)
        self.models.mkdir(exist_ok=True)
        self._backends.mkdir(exist_ok=True)
        usable = usable_backends(found, python, self._backends)
        require_libraries(found.program, variables)
        require_libraries(usable / "python" / STUB, variables)
        self.clean()
        record = self._with_ports(self.record())
        record = record.model_copy(
            update={"command": self._command(found, record, HIDDEN), "python": self._python(), "pid": 0, "born": ""}
        )
        write_record(self._record_path, record)
        self._mark_log()
        secret = "" if self.options.open_control else secret_of(self.folder / "control.secret")
        pid = spawn(self._command(found, record, secret), variables, self.log)
        record = record.model_copy(update={"pid": pid, "born": look(pid)[1]})  # also of one that has ended already
        write_record(self._record_path, record)
        return record

    def _python(self) -> str:
        return self.options.python or sys.executable

    def _command(self, found: Installation, record: ServerRecord, secret: str) -> tuple[str, ...]:
        backends = found.backends if found.has_stub else self._backends
        given = command(self.options, found, record, models=self.models, backends=backends, key=self.key)
        return given if self.options.open_control else (*given, *restrictions(secret))

    def _with_ports(self, before: ServerRecord | None) -> ServerRecord:
        """The ports that are asked for, those of before, or free ones; raises ServingError where one is taken."""
        asked = (self.options.http_port, self.options.grpc_port, self.options.metrics_port)
        known = before.ports if before is not None and before.settled else (0, 0, 0)
        wanted = [own or kept for own, kept in zip(asked, known, strict=True)]
        chosen: list[int] = []
        for port in wanted:
            if port and not is_free(self.options.host, port):
                raise ServingError(
                    f"port {port} is taken by another process, and the Triton of {self.folder} has it. End that "
                    f"process, give other ports, or delete {self._record_path} to have free ones chosen"
                )
            chosen.append(port or free_port(self.options.host, but=(*asked, *known, *chosen)))
        return ServerRecord(http=chosen[0], grpc=chosen[1], metrics=chosen[2], settled=all(wanted))

    def _answered(self, record: ServerRecord, answers: Callable[[ServerRecord], bool]) -> bool:
        """Whether it answers, or has ended; raises ServingError with the end of its log where neither is in time."""
        until = time.monotonic() + self.options.start_timeout_s
        while not answers(record):
            if not alive(record):
                return False
            if time.monotonic() > until:
                raise ServingError(
                    f"the Triton of {self.folder} (process {record.pid}) does not answer after "
                    f"{self.options.start_timeout_s:g} s: {self.tail()} (log: {self.log})"
                )
            time.sleep(0.02)
        if not record.settled:
            write_record(self._record_path, record.model_copy(update={"settled": True}))
        self._ports = record.ports
        return True

    def stop(self) -> None:
        """End it; its ports stay its own. Nothing where none runs."""
        if not self._record_path.exists():
            return
        with locked(self.folder / "server.lock", self.options.start_timeout_s * 2):
            record = self._adopted()
            if record is not None:
                end(record, self.options.stop_timeout_s)
                write_record(self._record_path, record.model_copy(update={"pid": 0, "born": ""}))
            self.clean()

    def clean(self) -> None:
        """What a server that was killed left: stubs that have not noticed yet, and their shared memory."""
        until = time.monotonic() + STUBS_S
        while left := self.stubs_left():
            if time.monotonic() > until:
                for process in left:
                    with suppress(psutil.NoSuchProcess):
                        process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.05)
        for region in SHARED_MEMORY.glob(f"{self.key}_*"):
            region.unlink(missing_ok=True)

    def stubs_left(self) -> list[psutil.Process]:
        """Processes that run models of this folder."""
        prefix = f"{self.key}_"
        return [
            process
            for process in psutil.process_iter(["cmdline"])
            if any(argument.startswith(prefix) for argument in (process.info["cmdline"] or ()))
        ]

    def running_models(self) -> dict[str, int]:
        """How many processes run each model, by name; only the Python backend has any."""
        found: dict[str, int] = {}
        for process in self.stubs_left():
            for argument in process.info["cmdline"] or ():
                if argument.startswith(f"{self.models}{os.sep}"):
                    name = Path(argument).relative_to(self.models).parts[0]
                    found[name] = found.get(name, 0) + 1
        return found

    def await_model_end(self, name: str) -> None:
        """Wait for the processes of an unloaded model: Triton 2.51 calls it unloaded before they have ended."""
        until = time.monotonic() + STUBS_S
        while self.running_models().get(name, 0):
            if time.monotonic() > until:
                self.end_model(name)
                return
            time.sleep(0.02)

    def cut_log(self) -> None:
        """Keep the log within its size: what is older moves aside once, the rest goes. Triton goes on writing."""
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > self.options.log_mib * MIB:
                shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
                os.truncate(self.log, 0)

    def _mark_log(self) -> None:
        self.cut_log()
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{MARK} starts Triton {time.strftime('%Y-%m-%d %H:%M:%S')}\n")

    def tail(self) -> str:
        """The last errors in the log since the last start, else how it begins."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace").rpartition(MARK)[2]
        except OSError:
            return "it has no log"
        lines = [line.strip() for line in text.splitlines()[1:] if line.strip()]
        errors = [line for line in lines if ERROR.match(line)]
        return "; ".join(errors[-3:] or lines[:2]) or "its log is empty"

    def config_fault(self, name: str) -> str:
        """Why the server did not understand a model's configuration, which it says in its log only."""
        with suppress(OSError):
            text = self.log.read_text(encoding="utf-8", errors="replace")
            if told := re.findall(
                rf"Poll failed for model directory '{re.escape(name)}': (.*?)\"?$", text, re.MULTILINE
            ):
                return str(told[-1])
        return "the server's log says why"

    def end_model(self, name: str) -> None:
        """Kill what is left of a model's processes, of which one has died and keeps the server from ending the rest."""
        for process in self.stubs_left():
            if f"{self.models / name}{os.sep}" in " ".join(process.info["cmdline"] or ()):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)


def command(
    options: TritonOptions, found: Installation, record: ServerRecord, *, models: Path, backends: Path, key: str
) -> tuple[str, ...]:
    """The command line of a server. Nothing is completed on its own: that would start each Python model twice."""
    cache = (f"--cache-config=local,size={options.response_cache_mib * MIB}",) if options.response_cache_mib else ()
    limiter = ("--rate-limit=execution_count",) if options.rate_limit else ()
    return (
        str(found.program),
        f"--id={key}",
        f"--model-repository={models}",
        "--model-control-mode=explicit",
        "--exit-on-error=false",
        "--strict-readiness=false",
        "--disable-auto-complete-config",
        f"--http-address={options.host}", f"--http-port={record.http}",
        f"--grpc-address={options.host}", f"--grpc-port={record.grpc}",
        f"--metrics-address={options.host}", f"--metrics-port={record.metrics}",
        f"--exit-timeout-secs={max(int(options.stop_timeout_s), 1)}",
        f"--backend-directory={backends}",
        f"--backend-config=python,shm-region-prefix-name={key}_",
        *((f"--cache-directory={found.caches}",) if found.caches and cache else ()),
        *cache,
        *limiter,
        *(f"--rate-limit-resource={name}:{count}" for name, count in sorted(options.rate_limit.items())),
        *((f"--log-verbose={options.log_verbosity}",) if options.log_verbosity else ()),
        *options.arguments,
    )  # fmt: skip


def differences(now: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Arguments that one command line has and the other has not."""
    return [f"{each} (runs)" for each in now if each not in asked] + [
        f"{each} (asked)" for each in asked if each not in now
    ]


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
            attempt.listen(1)
        except OSError:
            return False
    return True


def free_port(host: str, but: Sequence[int]) -> int:
    """A port that is free now and not among those; raises ServingError."""
    chance = random.SystemRandom()
    for _ in range(1000):
        port = chance.choice(PORTS)
        if port not in but and is_free(host, port):
            return port
    raise ServingError(
        f"no port of {host} between {PORTS.start} and {PORTS.stop} is free; give http_port and the others"
    )
