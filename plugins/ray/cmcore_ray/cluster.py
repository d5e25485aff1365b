"""LocalCluster: a Ray cluster of one machine that belongs to a folder, outlives its starter and is found again.

`ray start --block` is its one parent process: whoever ends that ends all of it, and no other cluster is touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from cmcore.errors import ServingError
from cmcore_ray import environment
from cmcore_ray.options import RayOptions
from cmcore_ray.ports import Ports, claimed_ports

RECORD, LOCK, LOG, TOKEN = "cluster.json", "cluster.lock", "cluster.log", "token"
ENDING_S = 2.0
TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster that was started: its parent process, with the time it began at, its ports, its files' folder."""

    pid: int
    began: float
    ports: Ports
    run: str
    haproxy: bool

    @property
    def process(self) -> psutil.Process | None:
        """The parent process, where it still runs."""
        try:
            found = psutil.Process(self.pid)
            return found if found.create_time() == self.began and runs(found) else None
        except psutil.NoSuchProcess:
            return None


class LocalCluster:
    """The cluster of one folder; processes that use the folder share it."""

    def __init__(self, folder: Path, options: RayOptions) -> None:
        self._folder, self._options = folder.absolute(), options

    @property
    def token(self) -> Path:
        """The file with the token that the cluster asks for."""
        return self._folder / TOKEN

    def recorded(self) -> Cluster | None:
        """What was started last, whether or not it still runs."""
        try:
            told = json.loads((self._folder / RECORD).read_text(encoding="utf-8"))
            return Cluster(**{**told, "ports": Ports(**told["ports"])})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise ServingError(f"{self._folder / RECORD} cannot be read ({error}); remove it") from error

    def running(self) -> Cluster | None:
        """The cluster, where it runs."""
        found = self.recorded()
        return found if found and found.process else None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time starts or stops it."""
        with locked(self._folder / LOCK):
            yield

    def ensured(self) -> Cluster:
        """The cluster: found, or started now. The caller holds the lock. Raises ServingError."""
        if found := self.running():
            return found
        before = self.recorded()
        if before:
            self._sweep(before)
        options, own = self._options, before.ports if before else None
        with claimed_ports(options.host, options.http_port, options.grpc_port, own) as ports:
            run = Path(tempfile.mkdtemp(prefix="cm-ray-"))  # short: names of sockets have at most 107 bytes
            (self._folder / LOG).unlink(missing_ok=True)
            write_whole(self.token, secrets.token_urlsafe(32))
            pid = self._launched(ports, run)
            cluster = Cluster(pid=pid, began=began(pid), ports=ports, run=str(run), haproxy=options.haproxy)
            write_whole(self._folder / RECORD, json.dumps(asdict(cluster), indent=1))
            self._await_node(cluster)
        return cluster

    def _launched(self, ports: Ports, run: Path) -> int:
        """The process id of the cluster's parent process."""
        surroundings = {
            **environment.inherited(os.environ),
            **environment.quiet(self._options.haproxy),
            **environment.with_token(self.token),
            **environment.of_cluster(ports, run),
        }
        asked = [sys.executable, "-m", "cmcore_ray.detached", str(self._folder / LOG)]
        found = subprocess.run(  # noqa: S603 # our own arguments
            [*asked, *command(self._options, ports, run)], env=surroundings, capture_output=True, check=True
        )
        return int(found.stdout)

    def _await_node(self, cluster: Cluster) -> None:
        """Until Ray says that it runs; raises ServingError with the end of its log."""
        log = self._folder / LOG
        until = time.monotonic() + self._options.start_timeout_s
        while not log.exists() or b"Ray runtime started" not in log.read_bytes():
            if cluster.process is None or time.monotonic() > until:
                self.end()
                told = log.read_bytes()[-TAIL_BYTES:].decode(errors="replace").strip()
                raise ServingError(f"Ray did not start at port {cluster.ports.gcs}; {log} ends with: {told}")
            time.sleep(0.05)

    def end(self) -> None:
        """End it, with all its processes; nothing where none runs. The caller holds the lock."""
        found = self.recorded()
        if found is None:
            return
        if process := found.process:
            family = [process, *process.children(recursive=True)]
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
            for each in await_ended(family):
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            await_ended(family)
        self._sweep(found)

    def _sweep(self, found: Cluster) -> None:
        """What a cluster leaves behind: processes whose parent was killed, and its files."""
        while left := list(strays(found)):  # again: one may have started another just before its end
            for each in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            await_ended(left)
        shutil.rmtree(found.run, ignore_errors=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process, and one thread of it, at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def await_ended(family: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that still run after a while; what nobody reaps has ended too."""
    until = time.monotonic() + ENDING_S
    left = [each for each in family if runs(each)]
    while left and time.monotonic() < until:
        time.sleep(0.05)
        left = [each for each in left if runs(each)]
    return left


def runs(process: psutil.Process) -> bool:
    """Whether a process does anything yet."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def began(pid: int) -> float:
    """When a process began; 0 where it has ended already."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def command(options: RayOptions, ports: Ports, run: Path) -> list[str]:
    """How the cluster is started."""
    cores = os.cpu_count() or 1
    inner = iter(ports.inner)
    gcs, metrics, agent, agent_grpc, runtime, dashboard = (next(inner) for _ in range(6))
    gpus = [] if options.num_gpus is None else [f"--num-gpus={options.num_gpus}"]
    return [
        sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats",
        "--include-dashboard=false", "--include-log-monitor=false", f"--ray-client-server-port={ports.client}",
        f"--num-cpus={options.num_cpus or max(16, 4 * cores)}", *gpus,
        f"--object-store-memory={options.object_store_mib * 2**20}", f"--temp-dir={run}", f"--port={gcs}",
        f"--metrics-export-port={metrics}", f"--dashboard-agent-listen-port={agent}",
        f"--dashboard-agent-grpc-port={agent_grpc}", f"--runtime-env-agent-port={runtime}",
        f"--dashboard-port={dashboard}",
    ]  # fmt: skip


def strays(found: Cluster) -> Iterator[psutil.Process]:
    """Processes of a cluster that are left: Ray's in its session, and those that were started with its files.

    None where the machine was started since: its session may be anybody's now.
    """
    if psutil.boot_time() > found.began:
        return
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            words = " ".join(process.cmdline())
            own = found.run in words or ("ray" in words and os.getsid(process.pid) == found.pid)
            if own and runs(process):
                yield process


def write_whole(path: Path, text: str) -> None:
    """The file has all of the text or what it had before; only its owner reads it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)
