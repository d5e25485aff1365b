"""What cmcore tells and asks Triton by gRPC: loads, unloads, the index, statistics. HTTP would stall live requests.

A load by HTTP holds one of the server's HTTP threads, with the connections of clients that are pinned to it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
from google.protobuf.message import Message  # type: ignore[import-untyped]  # protobuf ships no types
from tritonclient.grpc import service_pb2, service_pb2_grpc

from cmcore.errors import ModelRefusedError, ServingError
from cmcore.serving.backend import ServedModel, ServedState, Traffic

CALL_TIMEOUT_S = 10.0
STEP_S = 0.05
IDLE = ("", "UNAVAILABLE")  # what the index says of models that are not loaded
STATES = {"READY": ServedState.READY, "LOADING": ServedState.LOADING}
LIMITS = [("grpc.max_send_message_length", 2**31 - 1), ("grpc.max_receive_message_length", 2**31 - 1)]
GONE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
STILL_AVAILABLE = "versions that are still available"
RESTRICTED = "restricted"  # Triton on a call whose metadata lack what it was started with
AT = re.compile(r"\s*\n+At:.*", re.DOTALL)
STATE_PREFIX = re.compile(r"^load failed for model '[^']*': |version \d+ is at UNAVAILABLE state: |;\s*$")
KINDS = re.compile(r"^(Internal|Invalid argument|Unknown|Unavailable|Not found|Unsupported): ")


Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the server's index: `state` is Triton's word, empty where a model was never loaded."""

    name: str
    state: str
    reason: str

    def served(self) -> ServedModel:
        """In cmcore's words."""
        state = STATES.get(self.state, ServedState.UNAVAILABLE)
        reason = (
            "" if state is not ServedState.UNAVAILABLE else reason_of(self.reason) or self.state.lower() or "not loaded"
        )
        return ServedModel(name=self.name, state=state, reason=reason)


class Control:
    """A connection to one server, made anew where it was not there: gRPC's own would wait longer and longer.

    Threads may share it.
    """

    def __init__(self, address: str, metadata: Metadata = ()) -> None:
        self.address, self._metadata = address, metadata
        self._open()

    def _open(self) -> None:
        """A channel for the calls to come; those under way go on by the one that they have."""
        self._channel = grpc.insecure_channel(self.address, options=LIMITS)
        self.stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    def close(self) -> None:
        """Give the connection back."""
        self._channel.close()

    def ready(self) -> bool:
        """Whether the server answers."""
        try:
            request = service_pb2.ServerReadyRequest()
            return bool(self.stub.ServerReady(request, timeout=1.0, metadata=self._metadata).ready)
        except grpc.RpcError as error:
            if error.code() in GONE:
                self._open()
            return False

    def version(self) -> str:
        """The server's version; raises ServingError."""
        return str(self.ask(self.stub.ServerMetadata, service_pb2.ServerMetadataRequest()).version)

    def ask(self, call: Callable[..., Message], request: Message) -> Message:
        """An answer; raises ServingError where there is none."""
        try:
            return call(request, timeout=CALL_TIMEOUT_S, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._unanswered(error) from error

    def _unanswered(self, error: grpc.RpcError) -> ServingError:
        """Why the server cannot be controlled; where it is gone, what is asked next goes by another channel."""
        if error.code() in GONE:
            self._open()
        if RESTRICTED in error.details():
            return ServingError(
                f"Triton at {self.address} does not let itself be controlled: {error.details()}. The options "
                "control_key and control_secret have to say what it asks for; a local server has to be stopped "
                "and started again where the secret in its folder has changed"
            )
        return ServingError(f"Triton at {self.address} does not answer: {error.details()}")

    def index(self) -> dict[str, Entry]:
        """Every model in the server's repositories, and the state of its newest version that has one."""
        found: dict[str, Entry] = {}
        for line in self.ask(self.stub.RepositoryIndex, service_pb2.RepositoryIndexRequest()).models:
            better = line.name not in found or line.state == "READY"
            if better and not line.name.startswith("."):
                found[line.name] = Entry(line.name, line.state, line.reason)
        return found

    def model_ready(self, name: str) -> bool:
        """Whether the server would answer for a model, as far as it knows."""
        try:
            request = service_pb2.ModelReadyRequest(name=name)
            answer = self.stub.ModelReady(request, timeout=CALL_TIMEOUT_S, metadata=self._metadata)
        except grpc.RpcError:
            return False
        return bool(answer.ready)

    def load(self, name: str, timeout_s: float) -> None:
        """Load a model and wait for it; raises ModelRefusedError with the reason, ServingError without a server."""
        request = service_pb2.RepositoryModelLoadRequest(model_name=name)
        try:
            self.stub.RepositoryModelLoad(request, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                self.give_up(name)
                raise ModelRefusedError(
                    f"{name} was not ready after {timeout_s:g} s; inference.load_timeout_s says how long it may take"
                ) from error
            if error.code() in GONE:
                raise self._unanswered(error) from error
            raise ModelRefusedError(f"Triton will not serve {name}: {reason_of(error.details())}") from error

    def give_up(self, name: str) -> None:
        """Have the server unload what still loads, once it has: nobody waits for that."""
        call = self.stub.RepositoryModelUnload.future(
            unloading(name), timeout=CALL_TIMEOUT_S * 60, metadata=self._metadata
        )
        call.add_done_callback(lambda _: None)

    def unload(self, name: str, timeout_s: float, *, ended: Callable[[], bool] = lambda: False) -> None:
        """Unload a model with the parts that only it needs, and wait until it is gone; raises ServingError.

        `ended` says whether all its processes have ended: Triton 2.51 never finishes with one that died at work.
        """
        until = time.monotonic() + timeout_s
        while not self._began_to_unload(name, until, timeout_s) and not ended():
            time.sleep(STEP_S)
        while (found := self.index().get(name)) and found.state not in IDLE and not ended():
            if time.monotonic() > until:
                raise ServingError(
                    f"{name} is still {found.state.lower()} after {timeout_s:g} s; it has requests under way"
                )
            time.sleep(STEP_S)

    def _began_to_unload(self, name: str, until: float, timeout_s: float) -> bool:
        """Whether Triton did; where a load has just ended it refuses, and is asked again. Raises ServingError."""
        left_s = until - time.monotonic()
        try:
            self.stub.RepositoryModelUnload(unloading(name), timeout=left_s, metadata=self._metadata)
        except grpc.RpcError as error:
            if STILL_AVAILABLE in error.details():
                return False
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise ServingError(
                    f"{name} is not unloaded after {timeout_s:g} s: requests, or a load of it, were still under way. "
                    "unload_timeout_s says how long they may take"
                ) from error
            raise ServingError(f"{name} cannot be unloaded: {error.details()}") from error
        return True

    def traffic(self) -> dict[str, Traffic]:
        """What each loaded model has had since it was loaded."""
        found: dict[str, Traffic] = {}
        answer = self.ask(self.stub.ModelStatistics, service_pb2.ModelStatisticsRequest())
        for line in answer.model_stats:
            found[line.name] = plus(found.get(line.name, Traffic()), line.inference_stats)
        return found


def unloading(name: str) -> service_pb2.RepositoryModelUnloadRequest:
    """The request to unload a model and its parts."""
    request = service_pb2.RepositoryModelUnloadRequest(model_name=name)
    request.parameters["unload_dependents"].bool_param = True
    return request


def plus(before: Traffic, stats: service_pb2.InferStatistics) -> Traffic:
    """What one version adds."""
    computing = (stats.compute_input, stats.compute_infer, stats.compute_output)
    return replace(
        before,
        answered=before.answered + stats.success.count,
        failed=before.failed + stats.fail.count,
        cache_hits=before.cache_hits + stats.cache_hit.count,
        queue_s=before.queue_s + stats.queue.ns / 1e9,
        compute_s=before.compute_s + sum(each.ns for each in computing) / 1e9,
    )


def reason_of(text: str) -> str:
    """What a person needs of Triton's reason: the error itself, without its frames and Triton's own words around it."""
    shorter = AT.sub("", text)
    while (found := KINDS.sub("", STATE_PREFIX.sub("", shorter)).strip()) != shorter:
        shorter = found
    return shorter
