"""Starts each server, waits until it answers with the right probability, and stops it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

from benchmarks.process import PYTHON, REPOSITORY, BenchmarkError
from benchmarks.serving.peers import model
from benchmarks.serving.stage import environment

PEERS = REPOSITORY / "build" / "peers"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PATIENCE_S = 90.0
END_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where to send which bytes."""

    name: str
    url: str
    body: bytes


def environment_made(say: Callable[[str], None]) -> None:
    """The peers' own environment, made once."""
    if (PEERS / "ready").exists():
        return
    say("the environment of the peers, once")
    uv = [str(Path(PYTHON).with_name("uv"))]
    for command in (
        [*uv, "venv", "--quiet", "--clear", "--python", PYTHON, str(PEERS)],
        [*uv, "pip", "install", "--quiet", "--python", str(PEERS / "bin" / "python"), "-r", str(REQUIREMENTS)],
    ):
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 # our own tool
        if done.returncode:
            raise BenchmarkError(f"the peers cannot be installed: {done.stderr.decode(errors='replace')}")
    (PEERS / "ready").touch()


@contextmanager
def mlflow(folder: Path) -> Iterator[Server]:
    """`mlflow models serve`, one worker."""
    port = free_port()
    command = ["mlflow", "models", "serve", "-m", str(model.FOLDER), "--env-manager", "local", "-p", str(port)]
    server = Server(name="mlflow models serve", url=f"http://127.0.0.1:{port}/invocations", body=model.mlflow_body())
    with running(command, folder, {}, server):
        yield server


@contextmanager
def bentoml(folder: Path) -> Iterator[Server]:
    """`bentoml serve`, one worker."""
    port = free_port()
    command = ["bentoml", "serve", "benchmarks.serving.peers.bento_service:Flights", "--port", str(port)]
    variables = {"MODEL": str(model.FOLDER), "PYTHONPATH": str(REPOSITORY), "BENTOML_DO_NOT_TRACK": "true"}
    server = Server(name="BentoML", url=f"http://127.0.0.1:{port}/predict", body=model.bento_body())
    with running(command, folder, variables, server):
        yield server


@contextmanager
def mlserver(folder: Path) -> Iterator[Server]:
    """MLServer with its own runtime for MLflow's models, in its own process."""
    port = free_port()
    settings = {
        "debug": False, "parallel_workers": 0, "host": "127.0.0.1", "http_port": port, "grpc_port": free_port(),
        "metrics_port": free_port(),
    }  # fmt: skip
    of_model = {
        "name": "flights", "implementation": "mlserver_mlflow.MLflowRuntime",
        "parameters": {"uri": str(model.FOLDER)},
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "model-settings.json").write_text(json.dumps(of_model), encoding="utf-8")
    url = f"http://127.0.0.1:{port}/v2/models/flights/infer"
    server = Server(name="MLServer", url=url, body=model.protocol_body(pandas=True))
    with running(["mlserver", "start", str(folder)], folder, {}, server):
        yield server


@contextmanager
def running(command: Sequence[str], folder: Path, variables: Mapping[str, str], server: Server) -> Iterator[None]:
    """A server of the peers' environment, from its first answer on."""
    path = f"{PEERS / 'bin'}{os.pathsep}{os.environ['PATH']}"
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 # of the peers' environment
            command, cwd=folder, env={**environment(), **variables, "PATH": path}, stdout=log, stderr=log,
            start_new_session=True, executable=str(PEERS / "bin" / command[0]),
        )  # fmt: skip
    try:
        await_answer(server, lambda: process.poll() is None, folder / "log.txt")
        yield
    finally:
        end(process)


def await_answer(server: Server, alive: Callable[[], bool], log: Path) -> None:
    """Wait until the server answers; raises BenchmarkError with the end of its log."""
    began = time.monotonic()
    while time.monotonic() < began + PATIENCE_S and alive():
        try:
            answer = urllib3.request("POST", server.url, body=server.body, headers=JSON, retries=False, timeout=10.0)
        except urllib3.exceptions.HTTPError:
            time.sleep(0.3)
            continue
        if answer.status == 200:
            return
        raise BenchmarkError(f"{server.name} answers {answer.status}: {answer.data[:500]!r}")
    told = log.read_text(encoding="utf-8", errors="replace")[-1000:]
    raise BenchmarkError(f"{server.name} does not answer: {told}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server with all its processes."""
    for signal_number in (15, 9):
        try:
            os.killpg(process.pid, signal_number)
            process.wait(END_S)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


JSON = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
