"""Requests that no server should answer as if they were right, as bytes on the wire; and mutations of good ones.

They are for the model `doubling` of `tiny_predictors`: `x` FP32 [rows, 2], at most 8 rows.
"""

from __future__ import annotations

import copy
import http.client
import json
import random
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import JsonValue

HEADER_LENGTH = "Inference-Header-Content-Length"
Document = dict[str, JsonValue]


class Fate(StrEnum):
    """What may become of a request. REFUSED: 4xx, or 500 where a server blames itself for what it cannot parse, always
    with `{"error": ...}`; EITHER: that, or an answer; DROPPED: either of these, 501, or a closed connection."""

    REFUSED = "refused"
    EITHER = "either"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """A body with its headers; `length` is the Content-Length that is claimed where it is not the true one."""

    name: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    fate: Fate = Fate.REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back; `status` is 0 where the server closed the connection without an answer."""

    status: int
    body: bytes = b""

    @property
    def told(self) -> str:
        """The text of the error; empty where there is none in the protocol's form."""
        try:
            document = json.loads(self.body.decode(errors="replace"))  # Triton quotes names byte by byte
        except (ValueError, RecursionError):
            return ""
        error = document.get("error") if isinstance(document, dict) else None
        return error if isinstance(error, str) else ""


def deserved(malformed: Malformed, reply: Reply) -> bool:
    """Whether a reply is one that the request may have."""
    refused = 400 <= reply.status <= 500 and bool(reply.told)
    match malformed.fate:
        case Fate.REFUSED:
            return refused
        case Fate.EITHER:
            return refused or reply.status == 200
        case Fate.DROPPED:
            return reply.status in (0, 200) or 400 <= reply.status <= 501


def undeserved(url: str, requests: Iterable[Malformed], *, timeout_s: float = 30.0) -> list[str]:
    """What should not have become of requests, each with how it began: other replies, none in time, and a server that
    does not answer a good request after them."""
    found = []
    for malformed in requests:
        try:
            reply = sent(url, malformed, timeout_s=timeout_s)
        except TimeoutError:
            found.append(f"{malformed.name}: no reply in {timeout_s:g} s to {malformed.body[:300]!r}")
            continue
        if not deserved(malformed, reply):
            found.append(f"{malformed.name}: {reply.status} {reply.body[:300]!r} to {malformed.body[:300]!r}")
    after = sent(url, Malformed(name="good", body=GOOD), timeout_s=timeout_s)
    return [*found, *([] if after.status == 200 else [f"a good request after them: {after}"])]


def sent(url: str, malformed: Malformed, *, timeout_s: float = 30.0) -> Reply:
    """The reply of the server at `url` (the path of a model's `infer` with it); raises TimeoutError where none comes.

    Where a longer body was claimed than there is, nothing more is sent, so that the server learns that it may not wait.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.putrequest("POST", parts.path)
        length = len(malformed.body) if malformed.length is None else malformed.length
        given = {"Content-Type": "application/json", "Content-Length": str(length), **malformed.headers}
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders()
        return reply_to(connection, malformed.body, ends=length > len(malformed.body))
    except (ConnectionError, http.client.BadStatusLine):
        return Reply(status=0)
    finally:
        connection.close()


def reply_to(connection: http.client.HTTPConnection, body: bytes, *, ends: bool) -> Reply:
    """Send the body and read what comes; a proxy may take the end of sending for that of the client."""
    try:
        connection.send(body)
        if ends:
            connection.sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the server has seen enough, and may have answered
    answer = connection.getresponse()
    return Reply(status=answer.status, body=answer.read())


def good() -> Document:
    """A request that is answered."""
    return {
        "id": "1",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0]}],
    }


def tensor_with(**changes: JsonValue) -> bytes:
    """The good request with another input; what is None is left out."""
    changed = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0], **changes}
    return json.dumps({"inputs": [{key: value for key, value in changed.items() if value is not None}]}).encode()


def binary(size: JsonValue, raw: bytes, *, header: int | None = None, **changes: JsonValue) -> Malformed:
    """The good request with its elements behind the JSON; `header` is the length that is claimed for the JSON."""
    body = tensor_with(data=None, parameters={"binary_data_size": size}, **changes)
    told = str(len(body) if header is None else header)
    return Malformed(name="", body=body + raw, headers={HEADER_LENGTH: told})


def named(name: str, malformed: Malformed, fate: Fate = Fate.REFUSED) -> Malformed:
    """With a name and a fate."""
    return Malformed(name=name, body=malformed.body, headers=malformed.headers, length=malformed.length, fate=fate)


RAW = bytes(8)
BODIES: Mapping[str, bytes] = {
    "no body": b"",
    "no JSON": b"what is this",
    "JSON that ends early": b'{"inputs": [{"name": "x"',
    "a number": b"7",
    "a list": b"[]",
    "null": b"null",
    "an empty object": b"{}",
    "bytes that are no text": b"\xff\xfe\x00\x01",
    "a zero byte in the middle": b'{"inputs": \x00 []}',
    "inputs that are no list": b'{"inputs": {"name": "x"}}',
    "inputs that are null": b'{"inputs": null}',
    "no inputs": b'{"inputs": []}',
    "an input that is a number": b'{"inputs": [7]}',
    "an input that is null": b'{"inputs": [null]}',
    "an input without a name": tensor_with(name=None),
    "a name that is a number": tensor_with(name=7),
    "a name that nobody has": tensor_with(name="q"),
    "a name of a megabyte": tensor_with(name="x" * 10**6),
    "an input without a datatype": tensor_with(datatype=None),
    "a datatype that there is not": tensor_with(datatype="FP31"),
    "a datatype in small letters": tensor_with(datatype="fp32"),
    "a datatype that is a number": tensor_with(datatype=32),
    "a datatype that is not the model's": tensor_with(datatype="INT32", data=[1, 2]),
    "an input without a shape": tensor_with(shape=None),
    "a shape that is a number": tensor_with(shape=2),
    "a shape of texts": tensor_with(shape=["1", "2"]),
    "a shape of fractions": tensor_with(shape=[1.5, 2.5]),
    "a shape that is empty": tensor_with(shape=[]),
    "a dimension below zero": tensor_with(shape=[-1, 2]),
    "dimensions below zero that multiply to two": tensor_with(shape=[-1, -2]),
    "a dimension that no integer holds": tensor_with(shape=[2**64, 2]),
    "dimensions whose product overflows": tensor_with(shape=[2**32, 2**32]),
    "a dimension too many": tensor_with(shape=[1, 2, 1]),
    "a thousand dimensions": tensor_with(shape=[1] * 1000),
    "more rows than the model takes": tensor_with(shape=[9, 2], data=[0.0] * 18),
    "more elements than the shape asks for": tensor_with(data=[1.0, 2.0, 3.0]),
    "fewer elements than the shape asks for": tensor_with(data=[1.0]),
    "no data": tensor_with(data=None),
    "data that are a text": tensor_with(data="1.0, 2.0"),
    "data that are an object": tensor_with(data={"0": 1.0}),
    "elements that are texts": tensor_with(data=["1.0", "2.0"]),
    "elements that are objects": tensor_with(data=[{}, {}]),
    "nested a thousand times": tensor_with(data=None)[:-3] + b', "data": ' + b"[" * 1000 + b"1" + b"]" * 1000 + b"}]}",
    "the same input twice": json.dumps({"inputs": good()["inputs"] * 2}).encode(),  # type: ignore[operator]  # a list
    "an output that nobody has": json.dumps({**good(), "outputs": [{"name": "q"}]}).encode(),
    "outputs that are no list": json.dumps({**good(), "outputs": 7}).encode(),
    "an output without a name": json.dumps({**good(), "outputs": [{}]}).encode(),
    "a body of eight megabytes": tensor_with(data=[0.5] * 2**21),
}
LENIENT: Mapping[str, bytes] = {
    "elements that are null": tensor_with(data=[None, None]),
    "elements that are true": tensor_with(data=[True, False]),
    "elements that no float holds": tensor_with(data=[1.0, 2.0]).replace(b"1.0", b"1e400"),
    "elements that FP32 does not hold": tensor_with(data=[1e300, -1e300]),
    "elements that are NaN": tensor_with(data=[float("nan"), float("nan")]),
    "an integer of a thousand digits": tensor_with(data=[1, 2]).replace(b"[1, 2]}", b"[" + b"9" * 1000 + b", 2]}"),
    "no rows": tensor_with(shape=[0, 2], data=[]),
    "ragged nesting": tensor_with(data=[[1.0], 2.0]),
    "keys that nobody knows": json.dumps({**good(), "odd": {"deep": [1]}}).encode(),
    "keys twice": b'{"inputs": [], ' + json.dumps(good()).encode()[1:],
    "an id that is a number": json.dumps({**good(), "id": 7}).encode(),
    "an id of a megabyte": json.dumps({**good(), "id": "x" * 10**6}).encode(),
    "parameters that are a list": json.dumps({**good(), "parameters": [1]}).encode(),
    "a parameter that is an object": json.dumps({**good(), "parameters": {"a": {"b": 1}}}).encode(),
    "more after the end": json.dumps(good()).encode() + b" {}",
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(good()).encode(),
    "in UTF-16": json.dumps(good()).encode("utf-16"),
    "outputs that are null": json.dumps({**good(), "outputs": None}).encode(),
}
GOOD = json.dumps(good()).encode()
MALFORMED: tuple[Malformed, ...] = (
    *(Malformed(name=name, body=body) for name, body in BODIES.items()),
    *(Malformed(name=name, body=body, fate=Fate.EITHER) for name, body in LENIENT.items()),
    named("binary data that are too few", binary(8, RAW[:4])),
    named("binary data that are too many", binary(8, RAW * 2)),
    named("a binary size that is too small", binary(4, RAW)),
    named("a binary size that is too great", binary(2**40, RAW)),
    named("a binary size below zero", binary(-8, RAW)),
    named("a binary size that is a text", binary("8", RAW)),
    named("a header length beyond the body", binary(8, RAW, header=10**6)),
    named("a header length of zero", binary(8, RAW, header=0)),
    named("a header length below zero", binary(8, RAW, header=-1)),
    named("a header length within the JSON", binary(8, RAW, header=10)),
    named("binary texts whose lengths lie", binary(8, b"\xff\xff\xff\x7fab12", datatype="BYTES")),
    Malformed(name="a header length that is no number", body=GOOD, headers={HEADER_LENGTH: "many"}),
    Malformed(name="a header length without binary data", body=GOOD, headers={HEADER_LENGTH: str(len(GOOD))},
              fate=Fate.EITHER),
    Malformed(name="plain text", body=GOOD, headers={"Content-Type": "text/plain"}, fate=Fate.EITHER),
    Malformed(name="a form", body=b"inputs=1", headers={"Content-Type": "application/x-www-form-urlencoded"}),
    Malformed(name="said to be gzip, and is not", body=GOOD, headers={"Content-Encoding": "gzip"}, fate=Fate.DROPPED),
    Malformed(name="in an encoding that nobody knows", body=GOOD, headers={"Content-Encoding": "odd"},
              fate=Fate.DROPPED),
    Malformed(name="a body that ends early", body=GOOD[:40], length=len(GOOD), fate=Fate.DROPPED),
    Malformed(name="a body that never comes", body=b"", length=len(GOOD), fate=Fate.DROPPED),
    Malformed(name="a length below zero", body=GOOD, length=-1, fate=Fate.DROPPED),
    Malformed(name="a length that no integer holds", body=GOOD, length=2**80, fate=Fate.DROPPED),
)  # fmt: skip
# Triton 2.51 ends at the first (its parser recurses until the stack is full) and takes memory for the second until
# there is none. A server that parses otherwise refuses them.
HOSTILE: tuple[Malformed, ...] = (
    Malformed(
        name="nested a hundred thousand times",
        body=tensor_with(data=None)[:-3] + b', "data": ' + b"[" * 10**5 + b"1" + b"]" * 10**5 + b"}]}",
    ),
    Malformed(name="a shape of sixteen gibibytes", body=tensor_with(shape=[2**31, 2])),
)


def mutations(seed: int) -> Iterator[Malformed]:
    """Good requests with one to four things changed at random, for ever; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 # requests to try a server with
    for number in range(10**9):
        changed: list[JsonValue] = [copy.deepcopy(good())]
        for _ in range(chance.randint(1, 4)):
            change_one(changed, chance)
        body = json.dumps(changed[0]).encode()
        if chance.random() < 0.3:
            body = damaged(body, chance)
        yield Malformed(name=f"mutation {number} of seed {seed}", body=body, fate=Fate.EITHER)


def change_one(document: list[JsonValue], chance: random.Random) -> None:
    """One place of a document becomes something else."""
    holder, key = chance.choice(list(places(document)))
    holder[key] = chance.choice(ODD)(chance)


def places(value: JsonValue) -> Iterator[tuple[dict[object, JsonValue], object]]:
    """Every place below a value, as what holds it and the key there."""
    keys: list[object] = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    for key in keys:
        yield value, key  # type: ignore[misc]  # a list takes its indices as a mapping does
        yield from places(value[key])  # type: ignore[index,call-overload]  # the key is one of its own


def damaged(body: bytes, chance: random.Random) -> bytes:
    """Some bytes become others, or are gone, or are there twice."""
    at, many = chance.randrange(len(body)), chance.randint(1, 8)
    middle = chance.choice([b"", chance.randbytes(many), body[at : at + many] * 2])
    return body[:at] + middle + body[at + many :]


ODD: tuple[Callable[[random.Random], JsonValue], ...] = (
    lambda _: None,
    lambda chance: chance.choice([True, False]),
    lambda chance: chance.choice([0, -1, 1, 2, 9, 2**20, 2**63, -(2**63), 2**64, 10**30]),
    lambda chance: chance.choice([0.5, -1.5, 1e300, float("nan"), float("inf")]),
    lambda chance: chance.choice(["", "x", "FP32", "BYTES", "\x00", "Zürich", "a" * 5000]),
    lambda chance: [chance.randint(-2, 5) for _ in range(chance.randint(0, 6))],
    lambda chance: [[]] * chance.randint(0, 3),
    lambda chance: {chance.choice(["name", "data", "binary_data_size", ""]): chance.randint(-1, 9)},
    lambda _: dict(good()),
)
