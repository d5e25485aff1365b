"""ModelReplica: one instance of a model version within Ray Serve, behind both doors of the Open Inference Protocol.

Runs in Ray's processes. Every answer is the version's own: a request that strayed here is refused.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import grpc  # type: ignore[import-untyped] # grpcio has no types
import ray
from tritonclient.grpc import service_pb2 as pb

from cmcore.serving.backend import Placement
from cmcore_ray import asgi
from cmcore_ray.codec import rest, rpc
from cmcore_ray.codec.arrays import Array
from cmcore_ray.codec.question import VERSION, Question, Served, check_version
from cmcore_ray.codec.refusal import Reason, RefusalError
from cmcore_ray.deployment import fingerprint
from cmcore_ray.predictor import predictor_of
from cmcore_ray.servicer import SERVER
from cmcore_ray.tally import Counter, tell
from cmcore_ray.worker import Worker

METHODS = {"/infer": "POST", "": "GET", "/ready": "GET"}


class Call(Protocol):
    """What Ray Serve gives with a gRPC call."""

    def set_code(self, code: grpc.StatusCode) -> None: ...

    def set_details(self, details: str) -> None: ...


class ModelReplica:
    """One instance; `document` is the placement as JSON, `folder` has the model, `search` further modules, `pool` is
    the application whose replicas compute, empty where this one does."""

    def __init__(self, document: str, folder: str, search: Sequence[str], pool: str) -> None:
        placement = Placement.model_validate_json(document)
        inference = placement.inference
        self._placement = placement
        rows = inference.batching.max_batch_size
        self._served = Served(name=placement.name, interface=placement.interface, max_rows=rows)
        self._counter, self._changed = Counter(), asyncio.Event()
        self._load: Callable[[], Awaitable[None]]
        self._answer: Callable[[Question], Awaitable[Mapping[str, Array]]]
        if pool:
            from cmcore_ray.members import Membership  # brings Ray Serve, which nobody else here needs

            membership = Membership(placement.name, pool, search)
            self._load, self._answer = membership.load, membership.answer
        else:
            worker = Worker(placement.interface, inference.batching, inference.queue, self._counter)
            self._load = partial(worker.load, partial(predictor_of, placement, Path(folder)))
            self._answer = worker.answer
        sys.path.extend(path for path in search if path not in sys.path)

    async def __serve_build_asgi_app__(self) -> asgi.App:
        """Ray Serve awaits it once, after the constructor, which cannot wait for a model."""
        await self._load()
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
            outputs = await self._answer(question)
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
