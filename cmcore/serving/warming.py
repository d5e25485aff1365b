"""Warming a loaded version up: before it gets traffic, it must answer well by every protocol of its endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice

from cmcore.errors import InferenceError, InferenceStatus, ModelRefusedError, ServingError
from cmcore.inference.answer import faults
from cmcore.inference.request import InferenceRequest
from cmcore.inference.sample import generated, recorded_rows, request_of
from cmcore.serving.backend import Placement, Protocol, ServingBackend


def warm_up(backend: ServingBackend, placement: Placement, protocols: Sequence[Protocol]) -> int:
    """Send the warm-up requests and check each answer; how many there were. Raises ModelRefusedError with the first
    thing that is wrong, ServingError where the server does not answer at all."""
    asked = 0
    for request in warm_up_requests(placement):
        for protocol in protocols:
            check_answer(backend, placement, request, protocol)
            asked += 1
    return asked


def warm_up_requests(placement: Placement) -> Iterator[InferenceRequest]:
    """Requests of every batch size: the model's recorded rows over and over where it has any, else generated ones."""
    config = placement.inference.warm_up
    rows = [] if config.source == "generated" else recorded_rows(placement.folder)
    if config.source == "recorded" and not rows:
        raise ModelRefusedError(f"{placement.name} has no recorded request to warm up with: no input_example.json")
    for size in config.batch_sizes if placement.interface.batched else (1,):
        for number in range(config.requests):
            name = f"warm-up-{size}-{number}"
            if rows:
                yield request_of(list(islice(cycle(rows), number, number + size)), placement.interface, id=name)
            else:
                yield generated(placement.interface, size, seed=number, id=name)


def check_answer(backend: ServingBackend, placement: Placement, request: InferenceRequest, protocol: Protocol) -> None:
    """Ask once; raises ModelRefusedError, ServingError."""
    told = f"warm-up request {request.id!r} by {protocol}"
    limit_s = placement.inference.warm_up.timeout_s
    try:
        answer = backend.infer(placement.name, request, protocol=protocol, timeout_s=limit_s)
    except InferenceError as error:
        if error.status is InferenceStatus.UNAVAILABLE:
            raise ServingError(f"{told}: {error}") from error
        late = f"no answer within {limit_s:g} s" if error.status is InferenceStatus.TIMEOUT else str(error)
        raise ModelRefusedError(f"{told} {error.status}: {late}") from error
    if answer.model_name != placement.name:
        raise ModelRefusedError(f"{told} was answered by {answer.model_name!r}")
    if problems := faults(answer, request, placement.interface):
        raise ModelRefusedError(f"{told}: {'; '.join(problems)}")
