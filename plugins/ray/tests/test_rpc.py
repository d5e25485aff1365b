"""gRPC messages: what is accepted, what is refused, and what comes back. Triton 2.51 was asked the same."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy
import pytest
from tritonclient.grpc import service_pb2 as pb

from cmcore_ray.codec.arrays import Array, of_bytes
from cmcore_ray.codec.question import Served
from cmcore_ray.codec.refusal import Reason, RefusalError
from cmcore_ray.codec.rpc import message_of, metadata_message, question_of

RAW = struct.pack("<4f", 1, 2, 3, 4)
X, S, K = ("x", "FP32", [1, 4]), ("s", "BYTES", [1, 1]), ("k", "INT8", [1, 2])
Tensor = tuple[str, str, list[int]]


def asked(
    *inputs: Tensor, raw: Sequence[bytes] = (), outputs: Sequence[str] = (), name: str = "multi", version: str = ""
) -> pb.ModelInferRequest:
    message = pb.ModelInferRequest(model_name=name, model_version=version, id="7", raw_input_contents=raw)
    for tensor, datatype, shape in inputs:
        message.inputs.add(name=tensor, datatype=datatype, shape=shape)
    for output in outputs:
        message.outputs.add(name=output)
    return message


def typed(**contents: Sequence[object]) -> pb.ModelInferRequest:
    """A request for `x`, or for what else the contents are for, one tensor each."""
    tensors = {"fp32_contents": X, "fp64_contents": X, "bytes_contents": S, "int_contents": K}
    message = asked(*(tensors[field] for field in contents))
    for tensor, (field, values) in zip(message.inputs, contents.items(), strict=True):
        getattr(tensor.contents, field).extend(values)
    return message


def both() -> pb.ModelInferRequest:
    message = typed(fp32_contents=[1, 2, 3, 4])
    message.raw_input_contents.append(RAW)
    return message


F = [1, 2, 3, 4]
WRONG: Mapping[str, tuple[pb.ModelInferRequest, Reason]] = {
    "too few typed contents": (typed(fp32_contents=[1, 2, 3]), Reason.INVALID),
    "contents of another type": (typed(fp64_contents=F), Reason.INVALID),
    "contents and raw contents": (both(), Reason.INVALID),
    "no contents": (asked(X), Reason.INVALID),
    "a byte too few": (asked(X, raw=[RAW[:-1]]), Reason.INVALID),
    "a byte too many": (asked(X, raw=[RAW + b"x"]), Reason.INVALID),
    "too many raw contents": (asked(X, raw=[RAW, RAW]), Reason.INVALID),
    "too few raw contents": (asked(X, S, raw=[RAW]), Reason.INVALID),
    "an unknown input": (asked(X, ("q", "FP32", [1, 4]), raw=[RAW, RAW]), Reason.INVALID),
    "an input twice": (asked(X, X, raw=[RAW, RAW]), Reason.INVALID),
    "no inputs": (asked(), Reason.INVALID),
    "a missing input": (asked(S, raw=[b"\1\0\0\0a"]), Reason.INVALID),
    "an unknown datatype": (asked(("x", "FP99", [1, 4]), raw=[RAW]), Reason.INVALID),
    "another datatype": (asked(("x", "FP64", [1, 4]), raw=[RAW * 2]), Reason.INVALID),
    "a dimension too few": (asked(("x", "FP32", [4]), raw=[RAW]), Reason.INVALID),
    "another size": (asked(("x", "FP32", [2, 2]), raw=[RAW]), Reason.INVALID),
    "a negative size": (asked(("x", "FP32", [-1, 4]), raw=[RAW]), Reason.INVALID),
    "no rows": (asked(("x", "FP32", [0, 4]), raw=[b""]), Reason.INVALID),
    "a huge size": (asked(("x", "FP32", [2**62, 4]), raw=[RAW]), Reason.INVALID),
    "too many rows": (asked(("x", "FP32", [9, 4]), raw=[RAW * 9]), Reason.INVALID),
    "different rows": (asked(X, ("s", "BYTES", [2, 1]), raw=[RAW, b"\1\0\0\0a" * 2]), Reason.INVALID),
    "an element's length that lies": (asked(X, S, raw=[RAW, b"\x09\0\0\0abc"]), Reason.INVALID),
    "a whole number out of range": (typed(fp32_contents=F, int_contents=[1, 300]), Reason.INVALID),
    "an unknown output": (asked(X, raw=[RAW], outputs=["q"]), Reason.INVALID),
    "another model": (asked(X, raw=[RAW], name="nope"), Reason.NOT_FOUND),
    "no model": (asked(X, raw=[RAW], name=""), Reason.NOT_FOUND),
    "another version": (asked(X, raw=[RAW], version="2"), Reason.NOT_FOUND),
    "a version that is no number": (asked(X, raw=[RAW], version="x"), Reason.INVALID),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_what_is_no_request_for_the_model_is_refused(served: Served, case: str) -> None:
    message, reason = WRONG[case]
    with pytest.raises(RefusalError) as caught:
        question_of(served, message)
    assert caught.value.reason is reason


@pytest.mark.parametrize("message", [asked(X, raw=[RAW]), typed(fp32_contents=F), asked(X, raw=[RAW], version="1")])
def test_contents_may_be_raw_or_typed(served: Served, message: pb.ModelInferRequest) -> None:
    assert question_of(served, message).inputs["x"].tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    "message",
    [asked(X, S, raw=[RAW, b"\2\0\0\0\xff\0"]), typed(fp32_contents=F, bytes_contents=[b"\xff\0"])],
    ids=["raw", "typed"],
)
def test_bytes_are_any_bytes(served: Served, message: pb.ModelInferRequest) -> None:
    assert question_of(served, message).inputs["s"].tolist() == [[b"\xff\0"]]


def test_an_answer_is_raw(served: Served) -> None:
    outputs: Mapping[str, Array] = {"y": numpy.ones((1, 4), dtype="<f4"), "t": of_bytes([b"\xffz"], (1, 1))}
    found = message_of(served, question_of(served, asked(X, raw=[RAW])), outputs)
    assert list(found.raw_output_contents) == [outputs["y"].tobytes(), b"\2\0\0\0\xffz"]


def test_an_answer_names_model_version_and_id(served: Served) -> None:
    outputs: Mapping[str, Array] = {"y": numpy.ones((1, 4), dtype="<f4")}
    found = message_of(served, question_of(served, asked(X, raw=[RAW], outputs=["y"])), outputs)
    assert (found.model_name, found.model_version, found.id) == ("multi", "1", "7")


def test_metadata_have_the_rows_as_a_dimension(served: Served) -> None:
    assert list(metadata_message(served).inputs[0].shape) == [-1, 4]
