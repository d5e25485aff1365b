"""Requests and answers of cmcore as those of gRPC's form of the Open Inference Protocol, and back."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
import numpy as np
from pydantic import JsonValue
from tritonclient.grpc import service_pb2

from cmcore.errors import InferenceError, InferenceStatus, ServingError
from cmcore.inference.datatype import DataType, Scalar
from cmcore.inference.request import InferenceRequest, InferenceResponse, failed, invalid
from cmcore.inference.tensor import Tensor
from cmcore_triton.control import Control

CODES = {
    grpc.StatusCode.INVALID_ARGUMENT: InferenceStatus.INVALID,
    grpc.StatusCode.OUT_OF_RANGE: InferenceStatus.INVALID,
    grpc.StatusCode.UNIMPLEMENTED: InferenceStatus.INVALID,
    grpc.StatusCode.NOT_FOUND: InferenceStatus.NOT_FOUND,
    grpc.StatusCode.UNAVAILABLE: InferenceStatus.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED: InferenceStatus.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: InferenceStatus.TIMEOUT,
}
DTYPES = {
    DataType.BOOL: "?", DataType.UINT8: "<u1", DataType.UINT16: "<u2", DataType.UINT32: "<u4", DataType.UINT64: "<u8",
    DataType.INT8: "<i1", DataType.INT16: "<i2", DataType.INT32: "<i4", DataType.INT64: "<i8", DataType.FP16: "<f2",
    DataType.FP32: "<f4", DataType.FP64: "<f8",
}  # fmt: skip
LENGTH = struct.Struct("<I")


def infer(control: Control, model: str, request: InferenceRequest, timeout_s: float) -> InferenceResponse:
    """The model's answer; raises InferenceError where it has none, ServingError where there is no server."""
    try:
        return response_of(control.stub.ModelInfer(message_of(model, request), timeout=timeout_s))
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.UNAVAILABLE and not control.ready():
            raise ServingError(f"no server answers at {control.address}: {error.details()}") from error
        raise InferenceError(str(error.details()), CODES.get(error.code(), InferenceStatus.FAILED)) from error


def message_of(model: str, request: InferenceRequest) -> service_pb2.ModelInferRequest:
    """A request as gRPC sends it."""
    message = service_pb2.ModelInferRequest(model_name=model, id=request.id)
    for key, value in request.parameters.items():
        set_parameter(message.parameters[key], key, value)
    for tensor in request.inputs:
        message.inputs.add(name=tensor.name, datatype=tensor.datatype.value, shape=tensor.shape)
        message.raw_input_contents.append(packed(tensor))
    for name in request.outputs:
        message.outputs.add(name=name)
    return message


def set_parameter(target: service_pb2.InferParameter, key: str, value: JsonValue) -> None:
    """One parameter; raises InferenceError for what gRPC has no form of."""
    match value:
        case bool():
            target.bool_param = value
        case int() if key == "priority":
            target.uint64_param = value  # Triton takes no other one for it
        case int():
            target.int64_param = value
        case str():
            target.string_param = value
        case float():
            target.double_param = value
        case _:
            raise invalid(f"the parameter {key!r} is {value!r}; gRPC has truths, numbers and texts")


def packed(tensor: Tensor) -> bytes:
    """A tensor's elements in Triton's raw form, https://github.com/kserve/open-inference-protocol: little endian, in
    row-major order, texts with their length before them. Raises InferenceError."""
    if tensor.datatype is DataType.BYTES:
        return b"".join(LENGTH.pack(len(coded)) + coded for coded in (str(each).encode() for each in tensor.data))
    try:
        return np.array(tensor.data, dtype=DTYPES[tensor.datatype]).tobytes()
    except (ValueError, OverflowError, TypeError) as error:
        raise invalid(f"tensor {tensor.name!r} does not hold elements of {tensor.datatype}: {error}") from error


def response_of(message: service_pb2.ModelInferResponse) -> InferenceResponse:
    """An answer as cmcore has it; raises InferenceError where it is none."""
    if len(message.raw_output_contents) != len(message.outputs):
        raise failed("the server's answer has no raw contents for its outputs")
    return InferenceResponse(
        model_name=message.model_name,
        model_version=message.model_version,
        id=message.id,
        outputs=tuple(
            Tensor(
                name=output.name,
                datatype=DataType(output.datatype),
                shape=tuple(output.shape),
                data=unpacked(raw, DataType(output.datatype), output.shape),
            )
            for output, raw in zip(message.outputs, message.raw_output_contents, strict=True)
        ),
        parameters=dict(parameters(message.parameters)),
    )


def parameters(found: Mapping[str, service_pb2.InferParameter]) -> Iterator[tuple[str, JsonValue]]:
    """Parameters of an answer as JSON."""
    for key, value in found.items():
        chosen = value.WhichOneof("parameter_choice")
        if chosen:
            yield key, getattr(value, chosen)


def unpacked(raw: bytes, kind: DataType, shape: Sequence[int]) -> tuple[Scalar, ...]:
    """Elements of Triton's raw form; bytes that are no UTF-8 are shown as such."""
    if kind is not DataType.BYTES:
        elements: list[Scalar] = np.frombuffer(raw, dtype=DTYPES[kind]).tolist()
        return tuple(elements)
    texts, at = [], 0
    for _ in range(math.prod(shape)):
        (size,) = LENGTH.unpack_from(raw, at)
        at += LENGTH.size + size
        texts.append(raw[at - size : at].decode(errors="backslashreplace"))
    return tuple(texts)
