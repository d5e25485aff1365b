"""What the claims about a serving backend stand on: a started backend with three loaded models, and clients that ask.

The claims themselves are in `serving_answers`, `serving_refusals`, `serving_visits` and `serving_lifetime`.
"""

from __future__ import annotations

import math
import re
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from cmcore.errors import CmError, InferenceError, ServingError
from cmcore.inference.datatype import DataType, Scalar
from cmcore.inference.request import InferenceRequest, InferenceResponse
from cmcore.inference.tensor import Tensor
from cmcore.serving.backend import Placement, Protocol, ServedState, ServingBackend, Traffic
from cmcore.testing.serving_models import TinyModels, to_double, to_measure

Outcome = InferenceResponse | InferenceError
DOUBLING, ECHO, MOODY = "cm-doubling", "cm-echo", "cm-moody"
SAMPLE = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? +(\S+)( +-?\d+)?")
POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A started backend; `opened` makes another object over the same folder, as a further process would have.

    The models DOUBLING, ECHO and MOODY are loaded. Counters may be `lag_s` behind.
    """

    backend: ServingBackend
    opened: Callable[[], ServingBackend]
    tiny: TinyModels
    lag_s: float = 15.0

    def load(self, placement: Placement) -> None:
        """Placed and loaded."""
        self.backend.place(placement)
        self.backend.load(placement.name)

    def standing(self) -> tuple[Placement, ...]:
        """The models that are loaded for all tests of a class."""
        return self.tiny.doubling(DOUBLING), self.tiny.echo(ECHO), self.tiny.moody(MOODY)

    def clear(self, *names: str) -> None:
        """Nothing of these models is left."""
        for name in names:
            self.backend.unload(name)
            self.backend.remove(name)

    def ask(
        self, name: str, request: InferenceRequest, protocol: Protocol = Protocol.REST, timeout_s: float = 30.0
    ) -> Outcome:
        """The answer, or the error that came in its place."""
        try:
            return self.backend.infer(name, request, protocol=protocol, timeout_s=timeout_s)
        except InferenceError as error:
            return error

    def healthy(self) -> bool:
        """Whether the standing models answer as they should."""
        doubled, measured = self.ask(DOUBLING, to_double([[1, 2]])), self.ask(MOODY, to_measure("four"))
        return given(doubled, "y") == [2.0, 4.0] and given(measured, "length") == [4.0]

    def state(self, name: str) -> ServedState | None:
        """How a model stands; None where the server does not know it."""
        found = self.backend.models().get(name)
        return found.state if found else None

    def traffic(self, name: str) -> Traffic:
        """What a model has had."""
        return self.backend.traffic().get(name, Traffic())

    def traffic_once(self, name: str, come: Callable[[Traffic], bool]) -> Traffic:
        """What a model has had, once that has come, or as it is `lag_s` later."""
        until = time.monotonic() + self.lag_s
        while not come(self.traffic(name)) and time.monotonic() < until:
            time.sleep(POLL_S)
        return self.traffic(name)

    def traffic_at_rest(self, name: str) -> Traffic:
        """What a model has had, once two looks agree: a server may count an answer after it has given it."""
        seen, until = self.traffic(name), time.monotonic() + self.lag_s
        while time.monotonic() < until:
            time.sleep(POLL_S)
            before, seen = seen, self.traffic(name)
            if seen == before:
                break
        return seen

    def at_once(self, name: str, requests: Sequence[InferenceRequest]) -> list[Outcome]:
        """What becomes of requests that are sent together."""
        with ThreadPoolExecutor(max_workers=len(requests)) as clients:
            return list(clients.map(lambda request: self.ask(name, request), requests))

    def behind_a_slow_one(self, name: str, requests: Sequence[InferenceRequest]) -> list[Outcome]:
        """What becomes of requests that arrive together while the model computes for half a second."""
        with ThreadPoolExecutor(max_workers=1) as client:
            slow = client.submit(self.ask, name, to_measure("sleep!0.5"))
            time.sleep(0.2)
            outcomes = self.at_once(name, requests)
            slow.result()
        return outcomes


class Asking:
    """A client that asks DOUBLING without a pause, in a thread of its own; counts answers and keeps what failed."""

    def __init__(self, stage: Stage) -> None:
        self.answers = 0
        self.failures: list[str] = []
        self._stage, self._over = stage, threading.Event()
        self._thread = threading.Thread(target=self._ask, name="asking", daemon=True)

    def _ask(self) -> None:
        while not self._over.is_set():
            try:
                answer = self._stage.backend.infer(DOUBLING, to_double([[3, 4]]))
                self.failures += [] if given(answer, "y") == [6.0, 8.0] else [f"a wrong answer: {answer}"]
            except CmError as error:
                self.failures.append(str(error))
            self.answers += 1
            time.sleep(0.005)  # the others of the machine want to get on

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def later(act: Callable[[], Outcome]) -> Future[Outcome]:
    """What comes of it, in a thread of its own."""
    clients = ThreadPoolExecutor(max_workers=1)
    future = clients.submit(act)
    clients.shutdown(wait=False)
    return future


def given(outcome: Outcome, name: str) -> list[Scalar]:
    """The elements of an output; the error's text where there was no answer, so that a failed assertion shows it."""
    return [str(outcome)] if isinstance(outcome, InferenceError) else list(outcome.output(name).data)


def status(outcome: Outcome) -> str:
    """How a request was refused."""
    return outcome.status.value if isinstance(outcome, InferenceError) else f"answered: {outcome.outputs}"


def refusal(act: Callable[[], object]) -> str:
    """The text of the ServingError that comes, with its class before it; empty where none does."""
    try:
        act()
    except ServingError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def comparable(answer: Outcome) -> object:
    """An answer without what the server adds: NaN equal to itself, floats at their own precision."""
    if isinstance(answer, InferenceError):
        return answer.status
    return answer.id, sorted((it.name, it.datatype, it.shape, exactly(it)) for it in answer.outputs)


def exactly(tensor: Tensor) -> tuple[object, ...]:
    """The elements as they can be compared."""
    return tuple(precise(tensor.datatype, value) for value in tensor.data)


def precise(kind: DataType, value: Scalar) -> object:
    """An element at the precision of its type: JSON may write a float of 32 bits with 7 digits or with 17."""
    if not kind.is_float or isinstance(value, str) or not math.isfinite(value):
        return repr(value)
    forms = {DataType.FP16: "e", DataType.FP32: "f", DataType.FP64: "d"}
    return struct.pack(f"<{forms[kind]}", value).hex()


def unreadable(metrics: str) -> Iterator[str]:
    """The lines of a Prometheus text that are none."""
    for line in metrics.splitlines():
        sample = SAMPLE.fullmatch(line.strip())
        if line.strip() and not line.startswith("#") and not (sample and is_number(sample[2])):
            yield line


def is_number(text: str) -> bool:
    """Whether Prometheus would read a value."""
    try:
        float(text)
    except ValueError:
        return False
    return True
