"""Plain HTTP as a client of the Open Inference Protocol writes it, with tensors as JSON or behind it in binary."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import urllib3
from pydantic import JsonValue

from cmcore.testing.open_inference_malformed import HEADER_LENGTH

Document = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server with the three tiny models loaded: `rest` is its URL, `grpc` host:port, and their names there.

    `metadata` has what goes with gRPC calls that are about a model, by its name; those about the server are sent with
    what goes with `doubling`.
    """

    rest: str
    grpc: str = ""
    metadata: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    doubling: str = "cm-doubling"
    echo: str = "cm-echo"
    moody: str = "cm-moody"

    def headers(self, model: str = "") -> dict[str, str]:
        """What goes with a gRPC call about a model, or about the server or a model that it does not have."""
        return dict(self.metadata.get(model) or self.metadata.get(self.doubling, {}))

    def path(self, model: str, *rest: str) -> str:
        """The path of a model, with what comes behind it."""
        return "/".join(["/v2/models", quote(model, safe=""), *rest])

    def get(self, path: str) -> Answer:
        """What the server gives at a path."""
        return answer(urllib3.request("GET", f"{self.rest}{path}", headers=PLAIN, retries=False, timeout=30.0))

    def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """What the server answers to a body."""
        told = {**PLAIN, "Content-Type": "application/json", **(headers or {})}
        url = f"{self.rest}{path}"
        return answer(urllib3.request("POST", url, body=body, headers=told, retries=False, timeout=30.0))

    def infer(self, model: str, document: Document, raw: bytes = b"", version: str = "") -> Answer:
        """The answer to a request; `raw` is what comes behind the JSON, whose length is then told."""
        head = json.dumps(document).encode()
        path = self.path(model, *(["versions", version] if version else []), "infer")
        return self.post(path, head + raw, {HEADER_LENGTH: str(len(head))} if raw else {})


PLAIN = {"Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status, the JSON of the body (None where it is none), and the bytes behind it."""

    status: int
    document: JsonValue
    raw: bytes = b""

    def part(self, *keys: str | int) -> JsonValue:
        """What is at a path within the document; raises LookupError or TypeError where nothing is."""
        found: JsonValue = self.document
        for key in keys:
            found = found[key]  # type: ignore[index]  # what is no such place raises
        return found

    def elements(self, output: int = 0) -> bytes:
        """The binary elements of an output, cut out by the sizes of those before it."""
        sizes = [size for each in self.outputs() for size in [binary_size(each)]]
        return self.raw[sum(sizes[:output]) : sum(sizes[: output + 1])]

    def outputs(self) -> list[Document]:
        """The outputs that the document names."""
        found = self.part("outputs")
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def answer(got: urllib3.BaseHTTPResponse) -> Answer:
    """The parts of what came."""
    told = got.headers.get(HEADER_LENGTH)
    head = got.data[: int(told)] if told else got.data
    try:
        document = json.loads(head)
    except ValueError:
        document = None
    return Answer(status=got.status, document=document, raw=got.data[len(head) :])


def binary_size(output: Document) -> int:
    """How many bytes of an output are behind the JSON."""
    parameters = output.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    return size if isinstance(size, int) else 0


def asked(
    name: str, datatype: str, rows: int, data: Sequence[JsonValue], *, columns: int = 1, **more: JsonValue
) -> dict[str, JsonValue]:
    """A request with one input of rows."""
    one: dict[str, JsonValue] = {"name": name, "datatype": datatype, "shape": [rows, columns], "data": list(data)}
    return {"inputs": [one], **more}


def asked_in_binary(
    name: str, datatype: str, rows: int, raw: bytes, *, columns: int = 1, **more: JsonValue
) -> dict[str, JsonValue]:
    """The same with the elements behind the JSON."""
    one: dict[str, JsonValue] = {
        "name": name,
        "datatype": datatype,
        "shape": [rows, columns],
        "parameters": {"binary_data_size": len(raw)},
    }
    return {"inputs": [one], **more}


def floats(*values: float) -> bytes:
    """FP32 in binary."""
    return struct.pack(f"<{len(values)}f", *values)


def texts(*values: str) -> bytes:
    """BYTES in binary: each with its length before it."""
    return b"".join(struct.pack("<I", len(each.encode())) + each.encode() for each in values)


def texts_of(raw: bytes) -> Iterator[str]:
    """BYTES out of binary."""
    while raw:
        (size,) = struct.unpack_from("<I", raw)
        yield raw[4 : 4 + size].decode()
        raw = raw[4 + size :]
