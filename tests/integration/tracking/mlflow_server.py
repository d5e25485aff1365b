"""A real MLflow server on a PostgreSQL of its own, to be killed, restarted and kept from answering."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

READY_S = 90.0


class MlflowServer:
    """One server process group with all its workers; its database outlives it."""

    def __init__(self, backend: str, folder: Path) -> None:
        self.backend, self.folder, self.port = backend, folder, free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def runs(self) -> bool:
        """Whether it has been started and not killed."""
        return self._process is not None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "mlflow.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "mlflow", "server",
                    "--backend-store-uri", self.backend,
                    "--artifacts-destination", str(self.folder / "artifacts"),
                    "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1",
                ],
                cwd=self.folder, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )  # fmt: skip
        self.await_answer()

    def await_answer(self) -> None:
        """Wait until it answers."""
        give_up_at = time.monotonic() + READY_S
        while time.monotonic() < give_up_at:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise TimeoutError(
            f"MLflow did not answer within {READY_S:g} s: {(self.folder / 'mlflow.log').read_text()[-2000:]}"
        )

    def kill(self) -> None:
        """SIGKILL to the server and its workers."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Kill it, and start it again at the same address."""
        self.kill()
        self.start()


def free_port() -> int:
    """A port below those that Linux hands out by itself, which nobody listens at."""
    for _ in range(200):
        port = random.SystemRandom().randrange(32_000, 32_700)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no free port between 32000 and 32700")


class Cutter:
    """A proxy before a server that breaks the connection of one request, before or after the server has carried it out.

    So a client meets every way in which a request can be lost. Each connection carries one request.
    """

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._listener = socket.create_server(("127.0.0.1", free_port()))
        self.uri = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests, self.cut, self.carried_out = 0, 0, False
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._handle, args=(client,), daemon=True).start()

    def _handle(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._upstream)) as server:
            request = read_message(client)
            self.requests += 1
            cut = self.requests == self.cut
            if cut and not self.carried_out:
                return
            server.sendall(closing(request))
            answer = read_until_end(server)
            if not cut:
                client.sendall(answer)


def read_message(sock: socket.socket) -> bytes:
    """One HTTP request, its body included; a body in chunks too."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += received(sock)
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    chunked = b"transfer-encoding: chunked" in head.lower()
    while chunked and not body.endswith(b"0\r\n\r\n"):
        body += received(sock)
    while lengths and len(body) < int(lengths[0]):
        body += received(sock)
    return head + b"\r\n\r\n" + body


def received(sock: socket.socket) -> bytes:
    """More bytes; raises OSError at the end of the connection."""
    read = sock.recv(65_536)
    if not read:
        raise ConnectionError("the client went away")
    return read


def closing(request: bytes) -> bytes:
    """The request, asking the server to close the connection after it."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body


def read_until_end(sock: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    read = b""
    while more := sock.recv(65_536):
        read += more
    return read
