"""A real S3-compatible server on this machine."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest


def answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0


def started(log: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A server on a free port below the ephemeral ones; one that cannot bind is tried again elsewhere."""
    for port in random.SystemRandom().sample(range(32_000, 32_700), 5):
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with log.open("ab") as output:
            server = subprocess.Popen(command, stdout=output, stderr=output)
        deadline = time.monotonic() + 60
        while server.poll() is None and time.monotonic() < deadline:
            if answers(port):
                return server, port
            time.sleep(0.1)
        server.kill()
    raise AssertionError(f"no S3 server came up: {log.read_text()}")


@pytest.fixture(scope="session")
def s3_options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """Options of the artifact store, as a stack document gives them; the bucket `payloads` exists."""
    pytest.importorskip("s3fs", reason="needs the extra cmcore[s3]")
    pytest.importorskip("moto", reason="needs moto[server] for a local S3 server")
    server, port = started(tmp_path_factory.mktemp("s3") / "server.log")
    options: dict[str, object] = {"key": "local", "secret": "local", "endpoint_url": f"http://127.0.0.1:{port}"}
    try:
        fsspec.filesystem("s3", **options).mkdir("payloads")
        yield options
    finally:
        server.terminate()
        server.wait(10)
