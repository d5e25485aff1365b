"""Malformed inference requests over gRPC without end: good messages with one thing spoiled, each with what it deserves.

The same for the same seed.
"""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import grpc  # type: ignore[import-untyped] # grpcio has no types
from pydantic import JsonValue
from tritonclient.grpc import service_pb2 as pb

from tests.integration.serving.malformed_bytes import prefixed, raw_of
from tests.integration.serving.malformed_models import DOUBLING, FLIGHTS, Document, Good, good
from tests.integration.serving.malformed_wire import TIMEOUT_S, Right, same

Chance = random.Random

INFER = "/inference.GRPCInferenceService/ModelInfer"
HUNG = "DEADLINE_EXCEEDED"
TO_BLAME = {"INVALID_ARGUMENT", "NOT_FOUND", "OUT_OF_RANGE", "UNIMPLEMENTED", "FAILED_PRECONDITION"}
# What gRPC itself answers to bytes that are no message (Triton's gRPC: INTERNAL, Ray's: UNKNOWN), and its client to an
# error whose text, which quotes the request, is longer than gRPC's headers may be
NO_MESSAGE = {"OK", "INTERNAL", "UNKNOWN", "RESOURCE_EXHAUSTED", "CANCELLED"}
LARGEST = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
FIELDS = {
    "BOOL": "bool_contents", "UINT8": "uint_contents", "UINT16": "uint_contents", "UINT32": "uint_contents",
    "UINT64": "uint64_contents", "INT8": "int_contents", "INT16": "int_contents", "INT32": "int_contents",
    "INT64": "int64_contents", "FP32": "fp32_contents", "FP64": "fp64_contents", "BYTES": "bytes_contents",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: the bytes of its message, and the numbers of a right answer. `model` is the one that it goes to."""

    name: str
    model: str
    content: bytes
    right: Right
    method: str = INFER
    answers: tuple[float, ...] = ()
    compression: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.method} {self.content[:300]!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a call ended: gRPC's code with its text, and the message where there is one."""

    code: str
    told: str = ""
    message: pb.ModelInferResponse | None = None

    @property
    def refused(self) -> bool:
        """Whether the caller is told that it is to blame."""
        return self.code in TO_BLAME and bool(self.told)

    @property
    def numbers(self) -> list[float]:
        """The elements of the first output, which is of FP32."""
        assert self.message is not None  # it was answered
        raw = self.message.raw_output_contents[0]
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))


def earned(call: Call, ending: Ending) -> bool:
    """Whether a call may end so."""
    match call.right:
        case Right.ANSWERED:
            return ending.code == "OK" and same(ending.numbers, call.answers)
        case Right.REFUSED | Right.MISSING:
            return ending.refused
        case Right.LENIENT:
            return ending.refused or (ending.code == "OK" and same(ending.numbers, call.answers))
        case Right.EITHER:
            return ending.refused or ending.code == "OK"
        case Right.DROPPED:
            return ending.code in TO_BLAME or ending.code in NO_MESSAGE


def called(channel: grpc.Channel, call: Call, metadata: Mapping[str, str]) -> Ending:
    """How the call ends."""
    stub = channel.unary_unary(
        call.method, request_serializer=bytes, response_deserializer=pb.ModelInferResponse.FromString
    )
    packing = grpc.Compression.Gzip if call.compression else grpc.Compression.NoCompression
    try:
        message = stub(call.content, timeout=TIMEOUT_S, metadata=tuple(metadata.items()), compression=packing)
    except grpc.RpcError as error:
        return Ending(code=error.code().name, told=str(error.details()))
    return Ending(code="OK", message=message)


def message_of(good: Good, *, raw: bool) -> pb.ModelInferRequest:
    """A good message, its elements raw or typed."""
    message = pb.ModelInferRequest(model_name=good.model)
    for each in good.inputs:
        tensor = message.inputs.add(name=each["name"], datatype=each["datatype"], shape=each["shape"])
        data = cast("list[JsonValue]", each["data"])
        if raw:
            message.raw_input_contents.append(raw_of(each))
        elif each["datatype"] == "BYTES":
            tensor.contents.bytes_contents.extend(str(text).encode() for text in data)
        else:
            getattr(tensor.contents, FIELDS[str(each["datatype"])]).extend(data)
    return message


def call(good: Good, message: pb.ModelInferRequest, right: Right = Right.REFUSED, **more: object) -> Call:
    """A message as a call."""
    return Call(  # type: ignore[misc]  # fields of Call
        name="", model=good.model, content=message.SerializeToString(), right=right, answers=good.answers, **more
    )


def any_form(good: Good, chance: Chance) -> pb.ModelInferRequest:
    """A good message of either form."""
    return message_of(good, raw=chance.random() < 0.5)


def nothing_wrong(good: Good, chance: Chance) -> Call:
    """So that the ways to spoil a message are known to begin with one that is answered."""
    return call(good, any_form(good, chance), Right.ANSWERED, compression=chance.random() < 0.5)


def input_missing(good: Good, chance: Chance) -> Call:
    """A required input is not there, with its elements."""
    raw = chance.random() < 0.5
    message = message_of(good, raw=raw)
    at = chance.randrange(len(message.inputs))
    del message.inputs[at]
    if raw:
        del message.raw_input_contents[at]
    return call(good, message)


def input_renamed(good: Good, chance: Chance) -> Call:
    """A name that nobody has."""
    message = any_form(good, chance)
    chance.choice(message.inputs).name = chance.choice(["", "X", "x ", "Zürich", "a" * 5000, "../x", "%s%n", "\x01"])
    return call(good, message)


def input_twice(good: Good, chance: Chance) -> Call:
    """The same input more than once, or one too many."""
    raw = chance.random() < 0.5
    message = message_of(good, raw=raw)
    at = chance.randrange(len(message.inputs))
    again = message.inputs.add()
    again.CopyFrom(message.inputs[at])
    again.name = chance.choice([again.name, "more"])
    if raw:
        message.raw_input_contents.append(message.raw_input_contents[at])
    return call(good, message)


def datatype_wrong(good: Good, chance: Chance) -> Call:
    """A datatype that there is not, or that is not the model's."""
    message = any_form(good, chance)
    one = chance.choice(message.inputs)
    kinds = ["FP31", "fp32", "", "STRING", "TYPE_FP32", "F" * 5000, "BOOL", "UINT8", "INT16", "INT32", "FP16", "BYTES"]
    one.datatype = chance.choice([kind for kind in kinds if kind != one.datatype])
    return call(good, message)


def shape_lies(good: Good, chance: Chance) -> Call:
    """A shape that asks for another number of elements, of another rank, negative, or beyond all memory."""
    message = any_form(good, chance)
    one = chance.choice(message.inputs)
    rows, width = one.shape
    lies = [
        [rows + 1, width], [rows, width + 1], [rows * 1000, width], [], [rows], [rows, width, 1], [1] * 500,
        [-rows, width], [-rows, -width], [-1, -1], [2**63 - 1, 2], [2**62 + 3, 4], [2**31, width],
    ]  # fmt: skip
    del one.shape[:]
    one.shape.extend(chance.choice([lie for lie in lies if lie != [rows, width]]))
    return call(good, message)


def rows_beyond_32_bits(good: Good, chance: Chance) -> Call:
    """So many rows that their number is 0 in 32 bits, which is as much of it as Triton keeps: where another input has
    the right rows, it goes by those."""
    message = any_form(good, chance)
    chance.choice(message.inputs).shape[0] = chance.choice([2**62, 2**40, 2**32, -(2**63)])
    return call(good, message, Right.LENIENT)


def rows_above_the_limit(good_one: Good, chance: Chance) -> Call:
    """More rows than the model takes, all of them there."""
    many = good(good_one.model, chance, chance.choice([9, 17, 100, 1000]))
    return call(many, any_form(many, chance))


def rows_none(good: Good, chance: Chance) -> Call:
    """No row at all."""
    message = message_of(good, raw=True)
    for index, one in enumerate(message.inputs):
        one.shape[0] = 0
        message.raw_input_contents[index] = b""
    return call(good, message, Right.EITHER)


def raws_wrong(good: Good, chance: Chance) -> Call:
    """Raw contents that are too few, cut or too long."""
    message = message_of(good, raw=True)
    raws = list(message.raw_input_contents)
    at = chance.randrange(len(raws))
    wrong = [
        raws[:-1] if len(raws) > 1 else [b""],
        [*raws[:at], raws[at][:-1], *raws[at + 1 :]], [*raws[:at], raws[at] + b"\x00", *raws[at + 1 :]],
        [*raws[:at], b"", *raws[at + 1 :]], [*raws[:at], raws[at] * 9, *raws[at + 1 :]],
    ]  # fmt: skip
    del message.raw_input_contents[:]
    message.raw_input_contents.extend(chance.choice(wrong))
    return call(good, message)


def raws_more(good: Good, chance: Chance) -> Call:
    """More raw contents than inputs: Triton passes over those that belong to none."""
    message = message_of(good, raw=True)
    message.raw_input_contents.extend([b""] * chance.randint(1, 9))
    return call(good, message, Right.LENIENT)


def version_doubtful(good: Good, chance: Chance) -> Call:
    """A version that begins as a right one: Triton reads as much of it as is a number."""
    message = any_form(good, chance)
    message.model_version = chance.choice(["1.0", "01", " 1", "1x", "+1"])
    return call(good, message, Right.LENIENT)


def texts_lie(good: Good, chance: Chance) -> Call:
    """Raw texts whose lengths lie."""
    message = message_of(good, raw=True)
    lie = struct.pack("<I", chance.choice([0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 2**20, 5])) + b"AA"
    lies = [lie, b"\x02", b"\x02\x00\x00", lie * 2, prefixed(b"AA") + lie, prefixed(b"AA") * 9, b""]
    message.inputs[-1].datatype = "BYTES"
    message.raw_input_contents[-1] = chance.choice(lies)
    return call(good, message)


def contents_wrong(good: Good, chance: Chance) -> Call:
    """Typed contents that are too many, too few or in another field."""
    message = message_of(good, raw=False)
    at = chance.randrange(len(message.inputs))
    one, field = message.inputs[at], FIELDS[message.inputs[at].datatype]
    match chance.randrange(4):
        case 0:
            del getattr(one.contents, field)[-1]
        case 1:
            getattr(one.contents, field).extend(list(getattr(one.contents, field)) * 3)
        case 2:
            one.contents.Clear()
        case _:
            one.contents.Clear()
            one.contents.bool_contents.extend([True] * (one.shape[0] * one.shape[1]))
    return call(good, message)


def contents_both(good: Good, chance: Chance) -> Call:
    """Typed and raw contents of one input."""
    message = message_of(good, raw=False)
    message.raw_input_contents.extend(raw_of(each) for each in good.inputs)
    return call(good, message)


def numbers_odd(good: Good, chance: Chance) -> Call:
    """NaN, infinities and the least numbers are numbers."""
    odd: list[JsonValue] = [float("nan"), float("inf"), -float("inf"), 1e-40, -0.0]
    first: Document = {**good.inputs[0]}
    data = cast("list[JsonValue]", first["data"])
    first["data"] = [chance.choice(odd) for _ in data]
    changed = Good(model=good.model, inputs=(first, *good.inputs[1:]), answers=())
    return call(changed, any_form(changed, chance), Right.EITHER)


def output_unknown(good: Good, chance: Chance) -> Call:
    """An output that nobody has, or in a form that nobody gives."""
    message = any_form(good, chance)
    message.outputs.add(name=chance.choice(["q", "", "a" * 5000, "Y"]))
    return call(good, message)


def output_in_shared_memory(good: Good, chance: Chance) -> Call:
    """An output, or an input, that is to be in memory that nobody has registered."""
    message = any_form(good, chance)
    output = message.outputs.add(name="y" if good.model == DOUBLING else "delayed")
    output.parameters["shared_memory_region"].string_param = "nobody's"
    output.parameters["shared_memory_byte_size"].int64_param = chance.choice([8, 0, -1, 2**62])
    return call(good, message)


def model_unknown(good: Good, chance: Chance) -> Call:
    """A model or a version that nobody has."""
    message = any_form(good, chance)
    if chance.random() < 0.5:
        message.model_name = chance.choice(["cm-nobody", "", "../x", "a" * 2000, "\x01", good.model.upper()])
    else:
        message.model_version = chance.choice(["2", "-1", "x", "a" * 2000])
    return call(good, message, Right.MISSING)


def version_beyond(good: Good, chance: Chance) -> Call:
    """A version that no integer of 64 bits holds."""
    message = any_form(good, chance)
    message.model_version = str(2 ** chance.randint(64, 999))
    return call(good, message, Right.MISSING)


def parameters_odd(good: Good, chance: Chance) -> Call:
    """Parameters that mean nothing, or something with a value that cannot be."""
    message = any_form(good, chance)
    key = chance.choice(
        ["odd", "priority", "timeout", "sequence_id", "sequence_start", "binary_data_output", "", "x" * 999]
    )
    parameter = message.parameters[key]
    match chance.randrange(5):
        case 0:
            parameter.bool_param = True
        case 1:
            parameter.int64_param = chance.choice([-1, 2**62, 0])
        case 2:
            parameter.string_param = chance.choice(["", "x", "a" * 5000])
        case 3:
            parameter.double_param = chance.choice([float("nan"), 1e300])
        case _:
            pass  # a parameter with no value at all
    return call(good, message, Right.LENIENT)


def id_odd(good: Good, chance: Chance) -> Call:
    """A long or an odd id."""
    message = any_form(good, chance)
    message.id = chance.choice(["x" * 100_000, "\x00", "\n", "ключ", " "])
    return call(good, message, Right.LENIENT)


def bytes_changed(good: Good, chance: Chance) -> Call:
    """Some bytes of the message are others or gone: it may be no message at all, or still a right one."""
    content = any_form(good, chance).SerializeToString()
    at = chance.randrange(len(content))
    put = chance.choice([b"", b"\xff" * 9, b"\x00", chance.randbytes(4), content[at : at + 9] * 2])
    content = content[:at] + put + content[at + 1 :]
    return Call(name="", model=good.model, content=content, right=Right.DROPPED)


def no_message(good: Good, chance: Chance) -> Call:
    """Bytes that are no message."""
    content = any_form(good, chance).SerializeToString()
    wrong = [
        b"",
        b"\xff" * 50,
        chance.randbytes(300),
        content[: len(content) // 2],
        json.dumps({"inputs": []}).encode(),
    ]
    return Call(name="", model=good.model, content=chance.choice(wrong), right=Right.DROPPED)


def method_unknown(good: Good, chance: Chance) -> Call:
    """A method that nobody has."""
    methods = ["ModelInfers", "modelInfer", "Shutdown", "", "../ModelInfer"]
    method = f"/inference.GRPCInferenceService/{chance.choice(methods)}"
    content = any_form(good, chance).SerializeToString()
    return Call(name="", model=good.model, content=content, right=Right.DROPPED, method=method)


SPOILS: Mapping[str, Callable[[Good, Chance], Call]] = {
    spoil.__name__: spoil
    for spoil in (
        nothing_wrong, input_missing, input_renamed, input_twice, datatype_wrong, shape_lies, rows_above_the_limit,
        rows_beyond_32_bits, rows_none, raws_wrong, raws_more, version_doubtful, version_beyond, texts_lie,
        contents_wrong, contents_both, numbers_odd, output_unknown, output_in_shared_memory, model_unknown,
        parameters_odd, id_odd, bytes_changed, no_message, method_unknown,
    )
}  # fmt: skip


def malformed_calls(count: int, seed: int) -> Iterator[Call]:
    """So many calls, every way to spoil one equally often, named after it."""
    chance = random.Random(seed)
    names = sorted(SPOILS)
    for number in range(count):
        name = names[number % len(names)]
        made = SPOILS[name](good(chance.choice([FLIGHTS, DOUBLING]), chance), chance)
        yield Call(**{field: getattr(made, field) for field in Call.__slots__} | {"name": name})


def large_calls(seed: int) -> list[Call]:
    """A few messages of 10 to 40 megabytes."""
    asked = good(DOUBLING, random.Random(seed), 1)
    long_raw, long_name, long_text = (message_of(asked, raw=True) for _ in range(3))
    long_raw.raw_input_contents[0] = bytes(40 * 2**20)
    long_name.inputs[0].name = "x" * (20 * 2**20)
    long_text.inputs[0].datatype = "BYTES"
    long_text.raw_input_contents[0] = prefixed(bytes(10 * 2**20))
    return [
        Call(name="large", model=asked.model, content=each.SerializeToString(), right=right)
        for each, right in ((long_raw, Right.REFUSED), (long_name, Right.DROPPED), (long_text, Right.REFUSED))
    ]
