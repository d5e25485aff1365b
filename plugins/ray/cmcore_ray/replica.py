"""ModelReplica: one instance of a model version within Ray Serve, behind both doors of the Open Inference Protocol.

Runs in Ray's processes. Every answer is the version's own: a request that strayed here is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import uuid
from collections.abc import Mapping, Sequence
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import grpc  # type: ignore[import-untyped] # grpcio has no types
import ray
from tritonclient.grpc import service_pb2 as pb

from cmcore.serving.backend import Placement
from cmcore.serving.predictor import Predictor, PredictorSettings
from cmcore_ray import asgi
from cmcore_ray.codec import rest, rpc
from cmcore_ray.codec.arrays import Array
from cmcore_ray.codec.question import VERSION, Question, Served, check_version
from cmcore_ray.codec.refusal import Reason, RefusalError
from cmcore_ray.deployment import fingerprint, settings_of
from cmcore_ray.servicer import SERVER
from cmcore_ray.tally import TELL_S, Counter, tally_actor
from cmcore_ray.worker import Worker

REPEAT_S = 2.0
METHODS = {"/infer": "POST", "": "GET", "/ready": "GET"}


class Call(Protocol):
    """What Ray Serve gives with a gRPC call."""

    def set_code(self, code: grpc.StatusCode) -> None: ...

    def set_details(self, details: str) -> None: ...


class ModelReplica:
    """One instance; `document` is the placement as JSON, `folder` has the model, `search` further modules."""

    def __init__(self, document: str, folder: str, search: Sequence[str]) -> None:
        placement = Placement.model_validate_json(document)
        inference = placement.inference
        self._placement, self._folder = placement, Path(folder)
        rows = inference.batching.max_batch_size
        self._served = Served(name=placement.name, interface=placement.interface, max_rows=rows)
        self._counter, self._changed = Counter(), asyncio.Event()
        self._worker = Worker(placement.interface, inference.batching, inference.queue, self._counter)
        sys.path.extend(path for path in search if path not in sys.path)

    async def __serve_build_asgi_app__(self) -> asgi.App:
        """Ray Serve awaits it once, after the constructor, which cannot wait for a model."""
        await self._worker.load(lambda: predictor_of(self._placement, self._folder))
        self._telling = asyncio.create_task(tell(self._served.name, self._counter, self._changed))
        return asgi.application(self._answer_to)

    async def _answer_to(self, request: asgi.Request) -> asgi.Answer:
        own = f"/v2/models/{self._served.name}"
        if request.path != own and not request.path.startswith(f"{own}/"):
            raise RefusalError("this request was meant for another model", Reason.UNAVAILABLE)
        version, act = split_path(request.path.removeprefix(own))
        if act not in METHODS:
            return asgi.as_error("Not Found", 404)
        if request.method != METHODS[act]:
            return asgi.as_error("Method Not Allowed", 405)
        if act == "/ready":
            ready = version in ("", VERSION)
            return asgi.Answer() if ready else asgi.as_error(f"there is no version {version}", 400)
        check_version(self._served, version)
        if act == "":
            whose = {"owner": self._placement.owner, "placement": fingerprint(self._placement)}
            return asgi.as_json({**rest.metadata_of(self._served), "parameters": whose})
        question = rest.question_of(self._served, request.body, request.headers.get(rest.HEADER_LENGTH))
        return asgi.as_body(rest.body_of(self._served, question, await self._counted(question)))

    async def ModelInfer(self, request: pb.ModelInferRequest, grpc_context: Call) -> pb.ModelInferResponse:  # noqa: N802 # gRPC's word
        try:
            question = rpc.question_of(self._served, request)
            return rpc.message_of(self._served, question, await self._counted(question))
        except RefusalError as error:
            refuse(grpc_context, error)
            return pb.ModelInferResponse()

    async def ModelMetadata(self, request: pb.ModelMetadataRequest, grpc_context: Call) -> pb.ModelMetadataResponse:  # noqa: N802 # gRPC's word
        try:
            rpc.check_asked(self._served, request.name, request.version)
        except RefusalError as error:
            refuse(grpc_context, error)
            return pb.ModelMetadataResponse()
        return rpc.metadata_message(self._served)

    async def ModelReady(self, request: pb.ModelReadyRequest) -> pb.ModelReadyResponse:  # noqa: N802 # gRPC's word
        ready = request.name == self._served.name and request.version in ("", VERSION)
        return pb.ModelReadyResponse(ready=ready)

    async def ServerLive(self, request: pb.ServerLiveRequest) -> pb.ServerLiveResponse:  # noqa: N802 # gRPC's word
        return pb.ServerLiveResponse(live=True)

    async def ServerReady(self, request: pb.ServerReadyRequest) -> pb.ServerReadyResponse:  # noqa: N802 # gRPC's word
        return pb.ServerReadyResponse(ready=True)

    async def ServerMetadata(self, request: pb.ServerMetadataRequest) -> pb.ServerMetadataResponse:  # noqa: N802 # gRPC's word
        return pb.ServerMetadataResponse(name=SERVER, version=ray.__version__, extensions=["binary_tensor_data"])

    async def _counted(self, question: Question) -> Mapping[str, Array]:
        """The worker's outputs; only what the model was asked counts, as with Triton."""
        self._counter.pending += 1
        self._changed.set()
        answered = False
        try:
            outputs = await self._worker.answer(question)
            answered = True
        finally:
            self._counter.pending -= 1
            self._counter.answered += answered
            self._counter.failed += not answered
            self._changed.set()
        return outputs


def split_path(path: str) -> tuple[str, str]:
    """The version that a path names, empty where it names none, and what is asked of it."""
    parts = path.split("/")
    if parts[1:2] == ["versions"] and len(parts) > 2 and parts[2].isdecimal():
        return parts[2], "".join(f"/{part}" for part in parts[3:])
    return "", path


def refuse(call: Call, error: RefusalError) -> None:
    """Tell the client of a gRPC call why there is no answer."""
    call.set_code(grpc.StatusCode[error.reason.grpc])
    call.set_details(str(error))


def predictor_of(placement: Placement, folder: Path) -> Predictor:
    """The predictor that the flavor's factory makes; raises whatever that raises."""
    module, _, attributes = placement.flavor.factory.partition(":")
    factory = cast(PredictorFactory, reduce(getattr, attributes.split("."), import_module(module)))
    return factory(folder, settings_of(placement))


class PredictorFactory(Protocol):
    """What a flavor names."""

    def __call__(self, folder: Path, settings: PredictorSettings) -> Predictor: ...


async def tell(model: str, counter: Counter, changed: asyncio.Event) -> None:
    """Tell the tally what this replica has had: as soon as it changes, and again and again."""
    replica = uuid.uuid4().hex
    while True:
        # the tally is being restarted, or not there yet: what it misses it is told again
        with contextlib.suppress(ValueError, ray.exceptions.RayError):
            tally_actor().tell.remote(model, replica, counter.counts())
        await asyncio.sleep(TELL_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), REPEAT_S)
        changed.clear()
