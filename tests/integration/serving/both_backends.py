"""One request in every form of the protocol, and answers of every form as values that can be compared."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import grpc  # type: ignore[import-untyped] # grpcio has no types
from pydantic import JsonValue
from tritonclient.grpc import service_pb2 as pb

from cmcore.serving.backend import ServingBackend
from tests.integration.serving.malformed_bytes import FORMS, HEADER_LENGTH, in_binary, prefixed
from tests.integration.serving.malformed_grpc import LARGEST, Call, called, message_of
from tests.integration.serving.malformed_models import Document, Good
from tests.integration.serving.malformed_wire import Right, Wire, sent

INVALID, NOT_FOUND, FAILED, ANSWERED = "invalid", "not found", "failed", "answered"
STATUSES = {200: ANSWERED, 404: NOT_FOUND, 500: FAILED, 503: "unavailable"}
CODES = {"OK": ANSWERED, "NOT_FOUND": NOT_FOUND, "INTERNAL": FAILED, "UNKNOWN": FAILED, "UNIMPLEMENTED": INVALID}
Tensor = tuple[str, tuple[int, ...], bytes]  # datatype, shape, elements in binary


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What came back, without the words of errors: the class of the outcome, the parts of an answer and its tensors."""

    outcome: str
    id: str = ""
    model: tuple[str, str] = ("", "")
    parts: frozenset[str] = frozenset()
    tensors: tuple[tuple[str, Tensor], ...] = ()


def forms(good: Good, *, ident: str = "", outputs: tuple[str, ...] = ()) -> dict[str, Wire | Call]:
    """One request as JSON, with binary tensors, with binary answers, and as raw and typed messages."""
    more: Document = {**({"id": ident} if ident else {})}
    if outputs:
        more["outputs"] = [{"name": name} for name in outputs]
    document, raws = in_binary(good)
    body = json.dumps({**document, **more}).encode()
    binary_out = {**good.document(**more), "parameters": {"binary_data_output": True}}
    if outputs:
        binary_out["outputs"] = [{"name": name, "parameters": {"binary_data": True}} for name in outputs]
    header = {HEADER_LENGTH: str(len(body))}
    found: dict[str, Wire | Call] = {
        "binary": wire(good, body + b"".join(raws), header),
        "answered in binary": wire(good, json.dumps(binary_out).encode()),
        "raw": call(good, ident, outputs, raw=True),
    }
    if all(each["datatype"] != "FP16" for each in good.inputs):  # which has neither JSON nor typed contents
        found["JSON"] = wire(good, json.dumps(good.document(**more)).encode())
        found["typed"] = call(good, ident, outputs, raw=False)
    else:
        del found["answered in binary"]
    return found


def wire(good: Good, body: bytes, headers: Mapping[str, str] | None = None) -> Wire:
    """A request by REST."""
    return Wire(name="", path=good.path, body=body, right=Right.EITHER, headers=headers or {})


def call(good: Good, ident: str, outputs: tuple[str, ...], *, raw: bool) -> Call:
    """A request by gRPC."""
    message = message_of(good, raw=raw)
    message.id = ident
    for name in outputs:
        message.outputs.add(name=name)
    return Call(name="", model=good.model, content=message.SerializeToString(), right=Right.EITHER)


class Asker:
    """Asks one backend; `known_500` begins what a server says with 500 of a caller's mistake."""

    def __init__(self, backend: ServingBackend, model: str, known_500: tuple[str, ...] = ()) -> None:
        self.backend, self._known = backend, known_500
        address = backend.address(model)
        host, _, port = address.rest.partition("://")[2].partition(":")
        self._rest = (host, int(port))
        self._channel = grpc.insecure_channel(address.grpc, options=LARGEST)

    def ask(self, request: Wire | Call) -> Decoded:
        """What comes of it."""
        return self._wire(request) if isinstance(request, Wire) else self._call(request)

    def _wire(self, request: Wire) -> Decoded:
        reply = sent(self._rest, request)
        status, body = reply.status, reply.body
        length = reply.headers.get(HEADER_LENGTH)
        head = body[: int(length)] if length else body
        document = json.loads(head.decode(errors="replace")) if head.startswith(b"{") else {}
        outcome = STATUSES.get(status, INVALID if 400 <= status < 500 else str(status))
        if str(document.get("error", "")).startswith(self._known):
            outcome = INVALID
        if status != 200:
            return Decoded(outcome=outcome)
        return of_document(document, body[len(head) :])

    def _call(self, request: Call) -> Decoded:
        ending = called(self._channel, request, self.backend.address(request.model).metadata)
        if ending.message is None:
            return Decoded(outcome=CODES.get(ending.code, INVALID))
        return of_message(ending.message)

    def close(self) -> None:
        """Give the connection back."""
        self._channel.close()


def of_document(document: Document, raw: bytes) -> Decoded:
    """An answer by REST."""
    tensors: list[tuple[str, Tensor]] = []
    outputs = cast("list[Document]", document.get("outputs", []))
    for each in outputs:
        kind, shape = str(each["datatype"]), tuple(cast("list[int]", each["shape"]))
        size = cast("dict[str, int]", each.get("parameters", {})).get("binary_data_size", 0)
        elements = packed(kind, cast("list[JsonValue]", each["data"])) if "data" in each else raw[:size]
        raw = raw[size:]
        tensors.append((str(each["name"]), (kind, shape, elements)))
    keys = {*document, *(f"outputs.{key}" for each in outputs for key in each)}
    return Decoded(
        outcome=ANSWERED,
        id=str(document.get("id", "")),
        model=(str(document.get("model_name", "")), str(document.get("model_version", ""))),
        parts=frozenset(keys),
        tensors=tuple(tensors),
    )


def of_message(message: pb.ModelInferResponse) -> Decoded:
    """An answer by gRPC."""
    raws = message.raw_output_contents
    tensors = [
        (each.name, (each.datatype, tuple(each.shape), bytes(raw)))
        for each, raw in zip(message.outputs, raws, strict=True)
    ]
    return Decoded(
        outcome=ANSWERED,
        id=message.id,
        model=(message.model_name, message.model_version),
        parts=frozenset(field.name for field, _ in message.ListFields()),
        tensors=tuple(tensors),
    )


def packed(kind: str, data: list[JsonValue]) -> bytes:
    """Elements of JSON in binary, floats at the precision of their type."""
    if kind == "BYTES":
        return b"".join(prefixed(str(each).encode()) for each in data)
    return b"".join(struct.pack(FORMS[kind], each) for each in data)
