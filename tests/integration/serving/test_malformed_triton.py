"""Malformed requests to Triton, by REST and gRPC: it refuses them, is well after each, and stays the same process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cmcore.errors import ServingError
from cmcore_triton.backend import TritonBackend
from cmcore_triton.options import TritonOptions
from tests.integration.serving.malformed_bytes import ENDING, nested
from tests.integration.serving.malformed_claims import TRITON_CALLS, TRITON_REQUESTS, MalformedClaims
from tests.integration.serving.malformed_models import DOUBLING, FLIGHTS
from tests.integration.serving.malformed_visit import Processes, Stand, Visit, Visitor, began, standing, visit
from tests.integration.serving.malformed_wire import Wire, sent

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
# Triton 2.51 answers 500 where its REST door cannot read a request: it passes errors of its JSON library on as
# INTERNAL. The request reaches neither the model nor anything of ours.
KNOWN_500 = {
    "failed to parse the request JSON buffer": "the body is no JSON, or empty, or not in UTF-8",
    "Unable to parse ": "a part of the request is missing, of another JSON type, or does not fit the shape",
    "failed to get request params": "the parameters are no object",
}
# Triton 2.51 does not survive ENDING: its REST door makes room for what a shape says before it counts the elements
# (std::length_error, or all memory), and its JSON parser calls itself for each bracket until the stack is full.
# Nothing of ours is on that way; a controller has the server back, which is what is shown here.
PATIENCE_S = 30.0


def triton_in(folder: Path) -> TritonBackend:
    """A backend with a server of its own, which ends soon."""
    return TritonBackend(folder, TritonOptions(stop_timeout_s=1.0))


def processes_of(backend: TritonBackend) -> Processes:
    """The server and the processes of its models."""
    assert backend.local is not None
    record = backend.local.record()
    assert record is not None
    server = psutil.Process(record.pid)
    return began([server, *server.children(recursive=True)])


class TestTriton(MalformedClaims):
    @pytest.fixture(scope="class")
    @classmethod
    def visit(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
        folder = tmp_path_factory.mktemp("malformed-triton")
        backend = triton_in(folder / "triton")
        with standing(backend, folder / "models", lambda: processes_of(backend)) as stand:
            yield visit(stand, requests=TRITON_REQUESTS, calls=TRITON_CALLS, known=KNOWN_500)

    @pytest.mark.parametrize("words", sorted(KNOWN_500))
    def test_what_is_excused_does_happen(self, words: str, visit: Visit) -> None:
        assert visit.excused[words] > 0


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    """A server for one test."""
    backend = triton_in(tmp_path / "triton")
    with standing(backend, tmp_path / "models", lambda: processes_of(backend)) as stand:
        yield stand


def brought_back(stand: Stand) -> None:
    """What a controller does when its server has ended: it tries until it is there, and loads what is to be served."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            stand.backend.start()
            break
        except ServingError:  # the old one may still be ending
            time.sleep(0.2)
    for name in (FLIGHTS, DOUBLING):
        stand.backend.load(name)


@pytest.mark.parametrize("wire", ENDING, ids=lambda wire: wire.name)
def test_a_triton_that_cannot_survive_a_request_is_brought_back(wire: Wire, stand: Stand) -> None:
    sent(stand.rest, wire)
    brought_back(stand)
    visitor = Visitor(stand, KNOWN_500)
    visitor.send(nested(100))
    mistaken = [*visitor.mistaken()]
    visitor.close()
    assert (visitor.wrong, visitor.unhealthy, mistaken) == ([], [], [])
