"""GrpcClient: asks a server of the Open Inference Protocol over gRPC. Threads may share one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import grpc  # type: ignore[import-untyped] # grpcio has no types
import numpy
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from cmcore.errors import InferenceError, InferenceStatus, ServingError
from cmcore.inference.datatype import DataType, Scalar
from cmcore.inference.request import InferenceRequest, InferenceResponse, invalid
from cmcore.inference.tensor import Tensor
from cmcore.serving.backend import Address
from cmcore_ray.codec.arrays import DTYPES, from_raw, of_bytes, to_elements, to_raw
from cmcore_ray.codec.refusal import RefusalError

STATUS = {
    "INVALID_ARGUMENT": InferenceStatus.INVALID,
    "OUT_OF_RANGE": InferenceStatus.INVALID,
    "NOT_FOUND": InferenceStatus.NOT_FOUND,
    "UNAVAILABLE": InferenceStatus.UNAVAILABLE,
    "RESOURCE_EXHAUSTED": InferenceStatus.UNAVAILABLE,
    "DEADLINE_EXCEEDED": InferenceStatus.TIMEOUT,
}
LARGEST = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
REFUSALS = ("INVALID_ARGUMENT", "OUT_OF_RANGE", "NOT_FOUND", "RESOURCE_EXHAUSTED")  # of a server that is well
READY_S = 2.0
NO_SERVER = ("failed to connect", "connection refused", "socket closed")


class GrpcClient:
    """One server, as host:port.

    A channel is not used again after a call that failed, unless the server refused the request: under load, grpcio 1.85
    ended the whole process at such a channel's next call ("memory_quota.cc: Check failed: request.max() <=
    MemoryRequest::max_allowed_size()").
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._open()

    def _open(self) -> None:
        """A channel for the calls to come; those under way go on by the one that they have."""
        self._channel = grpc.insecure_channel(self._target, options=LARGEST)
        self._stub = GRPCInferenceServiceStub(self._channel)

    def _failed(self, error: grpc.RpcError) -> str:
        """The name of an error's code; what is asked next goes by another channel, unless the server refused this."""
        name = str(error.code().name)
        if name not in REFUSALS:
            self._open()
        return name

    def infer(self, address: Address, request: InferenceRequest, timeout_s: float) -> InferenceResponse:
        """The model's answer; raises InferenceError where it has none, ServingError where there is no server."""
        message = message_of(address.model, request)
        try:
            answer = self._stub.ModelInfer(message, timeout=timeout_s, metadata=tuple(address.metadata.items()))
        except grpc.RpcError as error:
            name, told = self._failed(error), str(error.details())
            if name == "UNAVAILABLE" and any(each in told.lower() for each in NO_SERVER):
                raise ServingError(f"no server answers at {self._target}: {told}") from error
            raise InferenceError(told, STATUS.get(name, InferenceStatus.FAILED)) from error
        return answer_of(answer)

    def ready(self, address: Address) -> bool:
        """Whether the model can be asked; a server that cannot be reached is not ready."""
        asked = pb.ModelReadyRequest(name=address.model)
        try:
            found = self._stub.ModelReady(asked, timeout=READY_S, metadata=tuple(address.metadata.items()))
        except grpc.RpcError as error:
            self._failed(error)
            return False
        return bool(found.ready)

    def close(self) -> None:
        """Give the connection back."""
        self._channel.close()


def message_of(model: str, request: InferenceRequest) -> pb.ModelInferRequest:
    """The request with raw contents; raises InferenceError for elements that are none of their type."""
    message = pb.ModelInferRequest(model_name=model, id=request.id)
    for tensor in request.inputs:
        message.inputs.add(name=tensor.name, datatype=tensor.datatype.value, shape=tensor.shape)
        message.raw_input_contents.append(raw_of(tensor))
    for name in request.outputs:
        message.outputs.add(name=name)
    for key, value in request.parameters.items():
        set_parameter(message.parameters[key], value)
    return message


def set_parameter(parameter: pb.InferParameter, value: object) -> None:
    """A parameter, in the field of its type."""
    match value:
        case bool():
            parameter.bool_param = value
        case int():
            parameter.int64_param = value
        case float():
            parameter.double_param = value
        case _:
            parameter.string_param = str(value)


def raw_of(tensor: Tensor) -> bytes:
    """A tensor's elements, however many its shape asks for: that is for the server to judge."""
    if odd := [element for element in tensor.data if not tensor.datatype.fits(element)]:
        raise invalid(f"tensor {tensor.name!r} is of {tensor.datatype} and holds {odd[0]!r}")
    if tensor.datatype is DataType.BYTES:
        elements = [str(element).encode("utf-8", "surrogateescape") for element in tensor.data]
        return to_raw(of_bytes(elements, (len(elements),)))
    return to_raw(numpy.array(tensor.data, dtype=DTYPES[tensor.datatype]))


def answer_of(message: pb.ModelInferResponse) -> InferenceResponse:
    """The answer as a value; raises InferenceError where it is none."""
    raws = message.raw_output_contents
    if len(raws) != len(message.outputs):
        raise InferenceError("the server's answer has tensors without contents", InferenceStatus.FAILED)
    return InferenceResponse(
        model_name=message.model_name,
        model_version=message.model_version,
        id=message.id,
        outputs=tuple(tensor_of(tensor, raw) for tensor, raw in zip(message.outputs, raws, strict=True)),
        parameters=parameters_of(message.parameters),
    )


def tensor_of(tensor: pb.ModelInferResponse.InferOutputTensor, raw: bytes) -> Tensor:
    """One output as a value."""
    kind, shape = DataType(tensor.datatype), tuple(tensor.shape)
    try:
        array = from_raw(tensor.name, kind, shape, raw)
    except RefusalError as error:
        raise InferenceError(f"the server's answer cannot be read: {error}", InferenceStatus.FAILED) from error
    return Tensor(
        name=tensor.name, datatype=kind, shape=shape, data=cast("tuple[Scalar, ...]", tuple(to_elements(array)))
    )


def parameters_of(given: Mapping[str, pb.InferParameter]) -> dict[str, bool | int | float | str]:
    """Parameters as JSON has them."""
    return {key: getattr(value, value.WhichOneof("parameter_choice")) for key, value in given.items()}
