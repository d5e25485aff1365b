"""A cluster that somebody else has started: it is used, and stays when cmcore goes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from cmcore.components.secret import Secret
from cmcore.errors import InferenceError, ServingError
from cmcore.serving.backend import Protocol
from cmcore.testing.serving_models import TinyModels, to_double
from cmcore_ray import environment
from cmcore_ray.backend import RayBackend
from cmcore_ray.options import RayOptions
from cmcore_ray.ports import Ports, claimed_ports

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]
NAME, TOKEN = "remote-1", "a-token-that-only-this-test-uses-0123456789"
ASKED = to_double([[1, 2]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A cluster that was started by hand, and its parent process."""

    process: psutil.Process
    ports: Ports

    def options(self, token: str = TOKEN) -> RayOptions:
        return RayOptions(
            address=f"127.0.0.1:{self.ports.gcs}", http_port=self.ports.http, grpc_port=self.ports.grpc,
            token=Secret[str].of(token),
        )  # fmt: skip


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    """The cluster, as `ray start --head` makes it."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "token").write_text(TOKEN, encoding="utf-8")
    with (
        claimed_ports("127.0.0.1", None, None, None) as ports,
        tempfile.TemporaryDirectory(prefix="cm-far-", ignore_cleanup_errors=True) as run,
    ):
        surroundings = {
            **environment.inherited(os.environ), **environment.quiet(haproxy=True),
            **environment.with_token(folder / "token"), **environment.of_cluster(ports, Path(run)),
        }  # fmt: skip
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen(started(ports, run), env=surroundings, stdout=log, stderr=log) as head,
        ):
            process = psutil.Process(head.pid)
            try:
                await_started(folder / "log", head)
                yield Foreign(process=process, ports=ports)
            finally:
                end(process, run)


def started(ports: Ports, run: str) -> list[str]:
    """How somebody starts a cluster of one machine."""
    inner = ports.inner
    return [
        sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats",
        "--include-dashboard=false", f"--temp-dir={run}", "--num-cpus=4", f"--object-store-memory={128 * 2**20}",
        f"--port={ports.gcs}", f"--ray-client-server-port={ports.client}",
        f"--metrics-export-port={inner[1]}", f"--dashboard-agent-listen-port={inner[2]}",
        f"--dashboard-agent-grpc-port={inner[3]}", f"--runtime-env-agent-port={inner[4]}",
        f"--dashboard-port={inner[5]}",
    ]  # fmt: skip


def await_started(log: Path, head: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while b"Ray runtime started" not in log.read_bytes():
        assert head.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)


def end(process: psutil.Process, run: str) -> None:
    """The cluster, with all its processes; HAProxy may be left, with its file in the cluster's folder."""
    family = process.children(recursive=True)
    process.terminate()
    psutil.wait_procs([process], timeout=2)
    for each in [process, *psutil.wait_procs(family, timeout=1)[1]]:
        if each.is_running():
            each.kill()
    for each in psutil.process_iter(["cmdline"]):
        if run in " ".join(each.info["cmdline"] or ()):
            each.kill()


@pytest.fixture(scope="module")
def backend(foreign: Foreign, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayBackend]:
    """A backend that uses it, with a model."""
    backend = RayBackend(tmp_path_factory.mktemp("far"), foreign.options())
    backend.start()
    tiny = TinyModels(folder=tmp_path_factory.mktemp("tiny"), batching=True)
    backend.place(tiny.doubling(NAME))
    backend.load(NAME)
    yield backend
    backend.unload(NAME)
    backend.close()


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_model_on_somebody_elses_cluster_answers(backend: RayBackend, protocol: Protocol) -> None:
    assert list(backend.infer(NAME, ASKED, protocol=protocol).output("y").data) == [2.0, 4.0]


def test_a_model_of_a_pool_on_somebody_elses_cluster_answers(backend: RayBackend, tmp_path: Path) -> None:
    placement = TinyModels(folder=tmp_path).doubling("remote-2")
    pooled = placement.inference.model_copy(update={"parameters": {"ray.pool": "far"}})
    backend.place(placement.model_copy(update={"inference": pooled}))
    backend.load("remote-2")
    found = list(backend.infer("remote-2", ASKED).output("y").data)
    backend.unload("remote-2")
    assert found == [2.0, 4.0]


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_model_that_was_unloaded_from_somebody_elses_cluster_answers_no_longer(
    backend: RayBackend, tmp_path: Path, protocol: Protocol
) -> None:
    name = f"remote-{protocol}"
    backend.place(TinyModels(folder=tmp_path).doubling(name))
    backend.load(name)
    backend.unload(name)
    with pytest.raises(InferenceError, match="not found"):
        backend.infer(name, ASKED, protocol=protocol)


def test_stopping_leaves_somebody_elses_cluster_and_its_models(backend: RayBackend, foreign: Foreign) -> None:
    backend.stop()
    found = list(backend.infer(NAME, ASKED).output("y").data)
    assert (foreign.process.is_running(), found) == (True, [2.0, 4.0])


def test_another_project_finds_the_models_of_a_shared_cluster(
    backend: RayBackend, foreign: Foreign, tmp_path: Path
) -> None:
    other = RayBackend(tmp_path, foreign.options())
    found = other.models()
    other.close()
    assert NAME in found


def test_without_the_token_a_cluster_cannot_be_used(foreign: Foreign, tmp_path: Path) -> None:
    stranger = RayBackend(tmp_path, foreign.options(token="another-token-0123456789"))
    with pytest.raises(ServingError):
        stranger.models()
    stranger.close()
