"""MemoryServing, the reference implementation of a serving backend: for tests of whatever uses one. No sockets.

Its server is an object that outlives the backends, as a process would: MemoryServer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLateError
from dataclasses import dataclass, field, replace
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import TypeVar, cast

from cmcore.errors import InferenceError, InferenceStatus, ModelRefusedError, ServingError
from cmcore.inference.acceptance import refusals
from cmcore.inference.arrays import Array, array_of, tensor_of
from cmcore.inference.request import InferenceRequest, InferenceResponse
from cmcore.serving.backend import Address, Capabilities, Placement, ServedModel, ServedState, Step, Traffic
from cmcore.serving.document import Protocol
from cmcore.serving.predictor import Predictor, PredictorSettings, predictor_settings

T = TypeVar("T")
Check = Callable[[str, str], None]


@dataclass(slots=True, kw_only=True)
class Loaded:
    """A model in memory: one call at a time."""

    placement: Placement
    predictor: Predictor
    traffic: Traffic = field(default_factory=Traffic)
    turn: threading.Lock = field(default_factory=threading.Lock)


@dataclass(slots=True, kw_only=True)
class MemoryServer:
    """What stands for a server: `placed` is its disk, `loaded` its memory. Tests reach into it.

    `calls` are the changes that were asked of it and took place, in their order. `fails` is told each call and the
    model's name ("" where it is about none) before anything happens, and may raise.
    """

    placed: dict[str, Placement] = field(default_factory=dict)
    loaded: dict[str, Loaded] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    running: bool = False
    fails: Check = lambda _call, _name: None

    def kill(self) -> None:
        """The process is gone, with all that it had loaded; what was placed stays."""
        self.running = False
        self.loaded.clear()
        self.reasons.clear()

    def lose(self, name: str) -> None:
        """One model is gone from memory, and nobody asked for it."""
        del self.loaded[name]


class MemoryServing:
    """A serving backend whose server is an object; any number of backends may share it."""

    def __init__(self, server: MemoryServer, capabilities: Capabilities | None = None) -> None:
        self.server = server
        self._capabilities = capabilities or Capabilities(server="memory", version="1", ensembles=True)

    def capabilities(self) -> Capabilities:
        """Both protocols, one processor and ensembles, unless told otherwise."""
        return self._capabilities

    def start(self) -> None:
        """The server runs, with nothing loaded where it did not."""
        self._check("start")
        self.server.running = True

    def place(self, placement: Placement) -> None:
        """On the server's disk."""
        self._check("place", placement.name, running=False)
        there = self.server.placed.get(placement.name)
        if there == placement:
            return
        if there is not None and (there.owner != placement.owner or placement.name in self.server.loaded):
            whose = ", ".join(f"{key} {value}" for key, value in there.owner.items()) or "nobody known"
            raise ModelRefusedError(f"the name {placement.name!r} is taken, by {whose}; place it under another one")
        self.server.placed[placement.name] = placement
        self.server.calls.append(("place", placement.name))

    def load(self, name: str) -> None:
        """Into the server's memory, in a thread that may take its time."""
        self._check("load", name)
        if name in self.server.loaded:
            return
        if name not in self.server.placed:
            raise ModelRefusedError(f"nothing is placed under the name {name!r}; place it first")
        placement = self.server.placed[name]
        try:
            predictor = within(placement.inference.load_timeout_s, lambda: predictor_of(placement))
        except TooLateError:
            reason = f"{name!r} was not loaded in {placement.inference.load_timeout_s:g} s"
        except Exception as error:  # noqa: BLE001 # whatever a model's own code raises
            reason = f"{name!r} cannot be loaded: {error}"
        else:
            self.server.loaded[name] = Loaded(placement=placement, predictor=predictor)
            self.server.reasons.pop(name, None)
            self.server.calls.append(("load", name))
            return
        self.server.reasons[name] = reason
        raise ModelRefusedError(reason)

    def unload(self, name: str) -> None:
        """Out of the server's memory, once nobody is being answered."""
        self._check("unload", name)
        loaded = self.server.loaded.pop(name, None)
        if loaded is not None:
            with loaded.turn:
                self.server.calls.append(("unload", name))

    def remove(self, name: str) -> None:
        """Off the server's disk."""
        self._check("remove", name, running=False)
        if self.server.placed.pop(name, None) is not None:
            self.server.reasons.pop(name, None)
            self.server.calls.append(("remove", name))

    def models(self) -> Mapping[str, ServedModel]:
        """What is placed, and how it stands."""
        self._check("models")
        return {name: self._model(name) for name in self.server.placed}

    def address(self, name: str) -> Address:
        """An address that leads nowhere."""
        return Address(model=name, rest="http://memory.invalid", grpc="memory.invalid:0")

    def infer(
        self, name: str, request: InferenceRequest, *, protocol: Protocol = Protocol.REST, timeout_s: float = 30.0
    ) -> InferenceResponse:
        """By whatever protocol, the same."""
        self._check("infer", name)
        loaded = self.server.loaded.get(name)
        if loaded is None:
            known = name in self.server.placed
            status = InferenceStatus.UNAVAILABLE if known else InferenceStatus.NOT_FOUND
            raise InferenceError(f"the model {name!r} is not loaded", status)
        max_rows = loaded.placement.inference.batching.max_batch_size
        if problems := refusals(request, loaded.placement.interface, max_rows=max_rows):
            raise InferenceError("; ".join(problems), InferenceStatus.INVALID)
        try:
            return within(timeout_s, lambda: answered(loaded, request))
        except TooLateError as error:
            raise InferenceError(f"{name!r} has not answered in {timeout_s:g} s", InferenceStatus.TIMEOUT) from error

    def traffic(self) -> Mapping[str, Traffic]:
        """Since each model was loaded."""
        self._check("traffic")
        return {name: loaded.traffic for name, loaded in list(self.server.loaded.items())}

    def metrics(self) -> str:
        """Two counters."""
        lines = ["# TYPE memory_answered_total counter", "# TYPE memory_failed_total counter"]
        for name, traffic in self.traffic().items():
            lines += [f'memory_answered_total{{model="{name}"}} {traffic.answered}']
            lines += [f'memory_failed_total{{model="{name}"}} {traffic.failed}']
        return "".join(f"{line}\n" for line in lines)

    def stop(self) -> None:
        """The server ends, as if it was killed."""
        self.server.kill()

    def close(self) -> None:
        """Nothing is held."""

    def _check(self, call: str, name: str = "", *, running: bool = True) -> None:
        self.server.fails(call, name)
        if running and call != "start" and not self.server.running:
            raise ServingError("the server in memory does not run")

    def _model(self, name: str) -> ServedModel:
        if name in self.server.loaded:
            return ServedModel(name=name, state=ServedState.READY)
        reason = self.server.reasons.get(name, "it is not loaded")
        return ServedModel(name=name, state=ServedState.UNAVAILABLE, reason=reason)


def within(timeout_s: float, act: Callable[[], T]) -> T:
    """What comes of it in a thread of its own; raises TooLateError when the time is up, and the thread goes on."""
    outcome = Future[T]()

    def run() -> None:
        try:
            outcome.set_result(act())
        except BaseException as error:  # noqa: BLE001 # it is raised again by whoever waits for the outcome
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome.result(timeout_s)


def predictor_of(placement: Placement) -> Predictor:
    """The predictor that the flavor's factory makes; of an ensemble, its steps in a row."""
    if placement.steps:
        return Chain(tuple((step, predictor_of(step.placement)) for step in placement.steps))
    module, _, attributes = placement.flavor.factory.partition(":")
    factory = cast(
        "Callable[[Path, PredictorSettings], Predictor]",
        reduce(getattr, attributes.split("."), import_module(module)),
    )
    return factory(placement.folder, predictor_settings(placement.interface, threads=placement.inference.threads))


@dataclass(frozen=True, slots=True)
class Chain:
    """The models of an ensemble, one after the other."""

    steps: Sequence[tuple[Step, Predictor]]

    def predict(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Everything that any of them gave, by the ensemble's names."""
        known = dict(inputs)
        for step, predictor in self.steps:
            given = predictor.predict({own: known[name] for own, name in step.inputs.items()})
            known |= {name: given[own] for own, name in step.outputs.items()}
        return known


def answered(loaded: Loaded, request: InferenceRequest) -> InferenceResponse:
    """The model's answer, counted; raises InferenceError with what the predictor raised."""
    with loaded.turn:
        started = time.monotonic()
        try:
            given = loaded.predictor.predict({tensor.name: array_of(tensor) for tensor in request.inputs})
        except Exception as error:
            loaded.traffic = replace(loaded.traffic, failed=loaded.traffic.failed + 1)
            raise InferenceError(str(error), InferenceStatus.FAILED) from error
        before = loaded.traffic
        spent_s = before.compute_s + time.monotonic() - started
        loaded.traffic = replace(before, answered=before.answered + 1, compute_s=spent_s)
    wanted = request.outputs or [spec.name for spec in loaded.placement.interface.outputs]
    return InferenceResponse(
        model_name=loaded.placement.name,
        model_version="1",
        id=request.id,
        outputs=tuple(tensor_of(name, given[name]) for name in wanted if name in given),
    )
