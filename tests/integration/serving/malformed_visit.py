"""A server is sent malformed requests, one after another, and looked at after each: what came of it, as a value."""

from __future__ import annotations

import http.client
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc  # type: ignore[import-untyped] # grpcio has no types
import psutil

from cmcore.serving.backend import ServingBackend
from tests.integration.serving.malformed import SPOILS, malformed
from tests.integration.serving.malformed_bytes import large
from tests.integration.serving.malformed_grpc import HUNG, LARGEST, Call, called, earned, large_calls, malformed_calls
from tests.integration.serving.malformed_grpc import SPOILS as CALL_SPOILS
from tests.integration.serving.malformed_grpc import nothing_wrong as good_call
from tests.integration.serving.malformed_models import DOUBLING, FLIGHTS, good, placements
from tests.integration.serving.malformed_wire import Reply, Right, Wire, deserved, sent

GOOD_EVERY = 50
SEED = 2026
Processes = Mapping[int, float]  # when each began


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A server with both models, and the processes that must stay the same."""

    backend: ServingBackend
    processes: Callable[[], Processes]

    @property
    def rest(self) -> tuple[str, int]:
        """Where it listens."""
        parts = urlsplit(self.backend.address(FLIGHTS).rest)
        return parts.hostname or "", parts.port or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What came of all requests: those that got what they do not deserve, that hung, and after which the server was
    not well. `excused` counts the exceptions that are known of the server by their words."""

    sent: Counter[str]
    wrong: list[str]
    hung: list[str]
    unhealthy: list[str]
    excused: Counter[str]
    before: Processes
    after: Processes


@contextmanager
def standing(backend: ServingBackend, folder: Path, processes: Callable[[], Processes]) -> Iterator[Stand]:
    """A server with both models loaded, stopped at the end."""
    try:
        backend.start()
        for placement in placements(folder):
            backend.place(placement)
            backend.load(placement.name)
        yield Stand(backend=backend, processes=processes)
    finally:
        backend.stop()
        backend.close()


def began(processes: Iterable[psutil.Process]) -> Processes:
    """When each of them began."""
    return {process.pid: process.create_time() for process in processes}


class Visitor:
    """Sends, and looks after each request; `known` has the beginnings of texts that a server says with 500."""

    def __init__(self, stand: Stand, known: Iterable[str]) -> None:
        self._stand, self._known = stand, tuple(known)
        self._channel = grpc.insecure_channel(stand.backend.address(FLIGHTS).grpc, options=LARGEST)
        self._watch = http.client.HTTPConnection(*stand.rest, timeout=5)
        self._chance = random.Random(0)
        self.sent, self.excused = Counter[str](), Counter[str]()
        self.wrong, self.hung, self.unhealthy = list[str](), list[str](), list[str]()

    def send(self, wire: Wire) -> None:
        """One request by REST."""
        reply = sent(self._stand.rest, wire)
        excuse = self._excuse(wire, reply)
        if excuse:
            self.excused[excuse] += 1
        elif reply.status == -1:
            self.hung.append(str(wire))
        elif not deserved(wire, reply):
            self.wrong.append(f"{reply.status} {reply.body[:200]!r} to {wire}")
        self._look(f"REST {wire.name}", str(wire))

    def _excuse(self, wire: Wire, reply: Reply) -> str:
        """The words of a known exception, where this is one and the request did not have to be answered."""
        document = reply.document if reply.status == 500 and wire.right is not Right.ANSWERED else None
        told = str(document.get("error", "")) if isinstance(document, dict) else ""
        return next((words for words in self._known if told.startswith(words)), "")

    def send_all(self, wires: Iterable[Wire]) -> None:
        """Requests by REST, as long as the server is well."""
        for wire in wires:
            if not self.unhealthy:
                self.send(wire)

    def call_all(self, calls: Iterable[Call]) -> None:
        """Requests by gRPC, as long as the server is well."""
        for call in calls:
            if not self.unhealthy:
                self.call(call)

    def call(self, call: Call) -> None:
        """One request by gRPC."""
        ending = called(self._channel, call, self._stand.backend.address(call.model).metadata)
        if ending.code == HUNG:
            self.hung.append(str(call))
        elif not earned(call, ending):
            self.wrong.append(f"{ending.code} {ending.told[:200]!r} to {call}")
        self._look(f"gRPC {call.name}", str(call))

    def _look(self, name: str, after: str) -> None:
        """Whether the server is live and its models ready, and now and then whether they answer."""
        self.sent[name] += 1
        try:
            paths = ("/v2/health/live", f"/v2/models/{FLIGHTS}/ready", f"/v2/models/{DOUBLING}/ready")
            wrong = [path for path in paths if self._status(path) != 200]
        except (OSError, http.client.HTTPException) as error:
            wrong = [repr(error)]
            self._watch.close()
        if not wrong and self.sent.total() % GOOD_EVERY == 0:
            wrong = [*self.mistaken()]
        if wrong:
            self.unhealthy.append(f"{', '.join(wrong)} after {after}")

    def _status(self, path: str) -> int:
        """How the server answers to a look at a path."""
        self._watch.request("GET", path)
        answer = self._watch.getresponse()
        answer.read()
        return answer.status

    def mistaken(self) -> Iterator[str]:
        """Good requests that are not answered as they should be."""
        for model in (FLIGHTS, DOUBLING):
            asked = good(model, self._chance)
            wire = SPOILS["binary_good"](asked, self._chance)
            if not deserved(wire, sent(self._stand.rest, wire)):
                yield f"no right answer of {model} by REST"
            call = good_call(asked, self._chance)
            if not earned(call, called(self._channel, call, self._stand.backend.address(model).metadata)):
                yield f"no right answer of {model} by gRPC"

    def close(self) -> None:
        """Give the connections back."""
        self._channel.close()
        self._watch.close()


def visit(stand: Stand, *, requests: int, calls: int, known: Iterable[str] = (), more: Iterable[Wire] = ()) -> Visit:
    """So many malformed requests by each protocol, a few large ones, and some more."""
    before = stand.processes()
    visitor = Visitor(stand, known)
    try:
        visitor.send_all((*malformed(requests, seed=SEED), *large(seed=1), *more))
        visitor.call_all((*malformed_calls(calls, seed=SEED), *large_calls(seed=1)))
    finally:
        visitor.close()
    return Visit(
        sent=visitor.sent, wrong=visitor.wrong, hung=visitor.hung, unhealthy=visitor.unhealthy,
        excused=visitor.excused, before=before, after=stand.processes(),
    )  # fmt: skip


WAYS = (*(f"REST {name}" for name in sorted(SPOILS)), *(f"gRPC {name}" for name in sorted(CALL_SPOILS)))
