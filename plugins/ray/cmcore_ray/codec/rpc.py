"""gRPC: protocol buffers to a question, and outputs to protocol buffers, whose tensors are always raw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tritonclient.grpc import service_pb2 as pb

from cmcore.inference.datatype import DataType
from cmcore_ray.codec.arrays import Array, Shape, from_elements, from_raw, of_bytes, to_raw
from cmcore_ray.codec.question import (
    VERSION,
    Question,
    Served,
    accepted_rows,
    accepted_spec,
    check_version,
    wanted,
)
from cmcore_ray.codec.refusal import Reason, RefusalError
from cmcore_ray.codec.rest import metadata_of

FIELDS: Mapping[DataType, str] = {
    DataType.BOOL: "bool_contents", DataType.UINT8: "uint_contents", DataType.UINT16: "uint_contents",
    DataType.UINT32: "uint_contents", DataType.UINT64: "uint64_contents", DataType.INT8: "int_contents",
    DataType.INT16: "int_contents", DataType.INT32: "int_contents", DataType.INT64: "int64_contents",
    DataType.FP32: "fp32_contents", DataType.FP64: "fp64_contents", DataType.BYTES: "bytes_contents",
}  # fmt: skip


def question_of(served: Served, message: pb.ModelInferRequest) -> Question:
    """The request in a message; raises RefusalError."""
    check_asked(served, message.model_name, message.model_version)
    raws = message.raw_input_contents
    if raws and len(raws) != len(message.inputs):
        raise RefusalError(f"{len(message.inputs)} inputs come with {len(raws)} raw contents")
    inputs: dict[str, Array] = {}
    for index, tensor in enumerate(message.inputs):
        if tensor.name in inputs:
            raise RefusalError(f"input {tensor.name!r} is given more than once")
        shape: Shape = tuple(tensor.shape)
        spec = accepted_spec(served, tensor.name, tensor.datatype, shape)
        if not raws:
            inputs[tensor.name] = from_contents(tensor.name, spec.datatype, shape, tensor.contents)
        elif tensor.contents.ListFields():
            raise RefusalError(f"input {tensor.name!r} has contents and raw contents")
        else:
            inputs[tensor.name] = from_raw(tensor.name, spec.datatype, shape, raws[index])
    rows = accepted_rows(served, inputs)
    return Question(inputs=inputs, outputs=wanted(served, asked_outputs(message)), rows=rows, id=message.id)


def check_asked(served: Served, name: str, version: str) -> None:
    """Raises RefusalError where another model or version is meant."""
    if name != served.name:
        raise RefusalError(f"the application {served.name!r} has no model {name!r}", Reason.NOT_FOUND)
    if version and not version.isdecimal():
        raise RefusalError(f"the version {version!r} is no number")
    check_version(served, version)


def asked_outputs(message: pb.ModelInferRequest) -> Sequence[str]:
    """The names of the outputs that are wanted."""
    for tensor in message.outputs:
        if odd := {"classification", "shared_memory_region"} & set(tensor.parameters):
            raise RefusalError(f"output {tensor.name!r} is asked for with {odd.pop()}, which is not offered")
    return [tensor.name for tensor in message.outputs]


def from_contents(name: str, kind: DataType, shape: Shape, contents: pb.InferTensorContents) -> Array:
    """The array of typed contents, which have one field per kind of element."""
    filled = [(descriptor.name, values) for descriptor, values in contents.ListFields()]
    expected = FIELDS.get(kind)
    if strays := [field for field, _ in filled if field != expected]:
        raise RefusalError(f"input {name!r} is of {kind} and has {strays[0]}")
    elements = list(filled[0][1]) if filled else []
    size = math.prod(shape)
    if kind is DataType.BYTES and len(elements) == size:
        return of_bytes(elements, shape)
    if not elements and size:
        raise RefusalError(f"input {name!r} has no contents")
    return from_elements(name, kind, shape, elements)


def message_of(served: Served, question: Question, outputs: Mapping[str, Array]) -> pb.ModelInferResponse:
    """The answer."""
    message = pb.ModelInferResponse(model_name=served.name, model_version=VERSION, id=question.id)
    for spec in question.outputs:
        array = outputs[spec.name]
        message.outputs.add(name=spec.name, datatype=spec.datatype.value, shape=array.shape)
        message.raw_output_contents.append(to_raw(array))
    return message


def metadata_message(served: Served) -> pb.ModelMetadataResponse:
    """What a model says of itself."""
    told = metadata_of(served)
    return pb.ModelMetadataResponse(**told)
