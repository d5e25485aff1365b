"""Trial: a model is placed, loaded, asked and taken away again on a sandbox's server; every step becomes a check.

What the checks come to is `verdict`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cmcore.errors import CmError, InferenceError, ModelRefusedError, ServingError, UsageError
from cmcore.inference.answer import faults
from cmcore.inference.request import InferenceRequest, InferenceResponse
from cmcore.inference.sample import recorded_rows
from cmcore.sandbox.calls import nearest_rank
from cmcore.sandbox.conditions import Conditions
from cmcore.sandbox.questions import questions, sample_requests
from cmcore.sandbox.recorded import differences, recorded_answers
from cmcore.sandbox.sandbox import Sandbox
from cmcore.sandbox.verdict import Check
from cmcore.serving.backend import Flavor, Placement, Protocol, ServedState
from cmcore.serving.checks import misfits
from cmcore.serving.placing import placement_of

SHOWN = 3
GIVEN_UP = 5  # faulty answers; a model that is wrong so often will not convince any more
OWNER = {"endpoint": "infra-validation"}


class FaultError(CmError):
    """A check that failed, and so makes those after it pointless; the message is what was found."""


@dataclass(slots=True, kw_only=True)
class Trial:
    """One model on one server. `checks` grow while it runs, and so do `latencies_s`, of all answers but the first of
    each protocol."""

    server: Sandbox
    conditions: Conditions
    folder: Path
    name: str
    flavors: Sequence[Flavor]
    checks: list[Check] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Every check up to the first that fails; from a server that others use the model is gone afterwards.

        Raises ServingError where the server is to blame: without the model it cannot be had again either.
        """
        try:
            for name, asked, step in self._steps():
                if not self._passes(name, asked, step):
                    return
        finally:
            self._tidy()

    def _steps(self) -> list[tuple[str, str, Callable[[], str]]]:
        inference = self.conditions.inference
        count = self.conditions.requests or inference.warm_up.requests
        sizes = ", ".join(map(str, inference.warm_up.batch_sizes))
        answers = f"{count} good answers for {sizes} rows each, in {inference.warm_up.timeout_s:g} s"
        wanted = self.conditions.max_latency_ms
        return [
            ("configs", "what the server can do and the model has", self._configs),
            ("load", f"ready in {inference.load_timeout_s:g} s", self._load),
            *((f"{it.value} answers", answers, partial(self._answers, it)) for it in self.conditions.protocols),
            *([("recorded sample", f"the answers in its folder, within {self.conditions.tolerance:g}", self._sample)]
              if recorded_rows(self.folder) else []),
            *([("latency", f"a p99 of at most {wanted:g} ms", self._latency)] if wanted else []),
            ("unload", "gone from the server", self._unload),
        ]  # fmt: skip

    def _passes(self, name: str, asked: str, step: Callable[[], str]) -> bool:
        began = time.perf_counter()
        try:
            found, passed = step(), True
        except (FaultError, ModelRefusedError, UsageError) as error:
            found, passed = str(error), False
        except InferenceError as error:
            found, passed = f"{error}{self._aftermath()}", False
        except ServingError as error:
            if not self.server.recovers():
                raise
            found, passed = f"the server stopped answering, and without the model it does: {error}", False
        took = round(time.perf_counter() - began, 4)
        self.checks.append(Check(name=name, passed=passed, asked=asked, found=found, took_s=took))
        return passed

    def _aftermath(self) -> str:
        """What the server shows of the model after it has failed to answer; empty where it is as it was."""
        try:
            found = self.server.backend.models().get(self.name)
        except ServingError:
            return "; the server itself has stopped answering"
        return f"; the server now calls it {found.state.value}: {found.reason}" if found and found.reason else ""

    def _configs(self) -> str:
        document, placement = self.conditions.document, self._placement
        if wrong := misfits(document, self.conditions.chosen, self.server.able, placement.interface):
            raise FaultError("; ".join(dict.fromkeys(map(str, wrong))))
        return f"flavor {placement.flavor.name}"

    @property
    def _placement(self) -> Placement:
        deployment, inference = self.conditions.deployment, self.conditions.inference
        return placement_of(self.name, self.folder, deployment, inference, self.flavors, OWNER)

    def _load(self) -> str:
        self.server.backend.place(self._placement)
        began = time.perf_counter()
        self.server.backend.load(self.name)
        return f"ready after {time.perf_counter() - began:.2f} s"

    def _answers(self, protocol: Protocol) -> str:
        inference, interface = self.conditions.inference, self._placement.interface
        asked, wrong = 0, list[str]()
        for request in questions(interface, recorded_rows(self.folder), inference.warm_up, self.conditions.requests):
            answer = self._ask(request, protocol, counted=asked > 0)
            wrong += [f"request {request.id}: {fault}" for fault in faults(answer, request, interface)]
            asked += 1
            if len(wrong) >= GIVEN_UP:
                break
        if wrong:
            raise FaultError(f"{'; '.join(wrong[:SHOWN])}{' ...' if len(wrong) > SHOWN else ''}")
        return f"{asked} good answers"

    def _ask(self, request: InferenceRequest, protocol: Protocol, *, counted: bool = True) -> InferenceResponse:
        limit = self.conditions.inference.warm_up.timeout_s
        began = time.perf_counter()
        answer = self.server.backend.infer(self.name, request, protocol=protocol, timeout_s=limit)
        if counted:
            self.latencies_s.append(time.perf_counter() - began)
        if answer.model_name != self.name:
            raise FaultError(f"{self.name!r} was asked and {answer.model_name!r} answered")
        return answer

    def _sample(self) -> str:
        rows, expected = recorded_rows(self.folder), recorded_answers(self.folder)
        interface, protocol = self._placement.interface, self.conditions.protocols[0]
        if expected and len(expected) != len(rows):
            raise FaultError(f"{len(rows)} rows are recorded, and {len(expected)} answers")
        wrong = list[str]()
        most = self.conditions.inference.batching.max_batch_size if interface.batched else 1
        for first, request in sample_requests(interface, rows, most):
            answer = self._ask(request, protocol)
            wrong += faults(answer, request, interface)
            part = expected[first : first + most]
            wrong += differences(answer, part, self.conditions.tolerance) if part else []
        if wrong:
            raise FaultError("; ".join(wrong[:SHOWN]))
        return f"{len(rows)} rows as recorded" if expected else f"{len(rows)} rows answered; no answers are recorded"

    def _latency(self) -> str:
        p99_ms = nearest_rank(sorted(self.latencies_s), 0.99) * 1e3
        told = f"{p99_ms:.1f} ms over {len(self.latencies_s)} requests, one after the other"
        if not p99_ms <= self.conditions.max_latency_ms:
            raise FaultError(told)
        return told

    def _unload(self) -> str:
        backend = self.server.backend
        backend.unload(self.name)
        backend.remove(self.name)
        found = backend.models().get(self.name)
        if found is not None and found.state is ServedState.READY:
            raise FaultError("the server still answers for it")
        return "gone"

    def _tidy(self) -> None:
        if self.server.private:
            return  # it is ended anyway, and unloading a model that hangs takes its time
        with suppress(ServingError):
            self.server.backend.unload(self.name)
            self.server.backend.remove(self.name)
