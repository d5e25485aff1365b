"""What spoils a request below its JSON: the extension for binary tensors, encodings, and HTTP itself."""

from __future__ import annotations

import gzip
import json
import random
import struct
import zlib
from collections.abc import Mapping
from typing import cast

from pydantic import JsonValue

from tests.integration.serving.malformed_models import Document, Good, good
from tests.integration.serving.malformed_wire import Ending, Right, Wire

Chance = random.Random
HEADER_LENGTH = "Inference-Header-Content-Length"
FORMS = {
    "BOOL": "<?", "UINT8": "<B", "UINT16": "<H", "UINT32": "<I", "UINT64": "<Q", "INT8": "<b", "INT16": "<h",
    "INT32": "<i", "INT64": "<q", "FP16": "<e", "FP32": "<f", "FP64": "<d",
}  # fmt: skip


def raw_of(tensor: Document) -> bytes:
    """The elements in binary."""
    data = cast("list[JsonValue]", tensor["data"])
    if tensor["datatype"] == "BYTES":
        return b"".join(prefixed(str(each).encode()) for each in data)
    return b"".join(struct.pack(FORMS[str(tensor["datatype"])], each) for each in data)


def prefixed(element: bytes) -> bytes:
    """An element of BYTES, its length before it."""
    return struct.pack("<I", len(element)) + element


def in_binary(good: Good) -> tuple[Document, list[bytes]]:
    """The request with its elements behind the JSON."""
    document = good.document()
    raws = [raw_of(each) for each in good.inputs]
    for one, raw in zip(cast("list[Document]", document["inputs"]), raws, strict=True):
        del one["data"]
        one["parameters"] = {"binary_data_size": len(raw)}
    return document, raws


def binary(good: Good, document: Document, raw: bytes, header: object = None, right: Right = Right.REFUSED) -> Wire:
    """Such a request; `header` is the length that is claimed for the JSON where it is not the true one."""
    body = json.dumps(document).encode()
    told = str(len(body) if header is None else header)
    return Wire(
        name="", path=good.path, body=body + raw, right=right, headers={HEADER_LENGTH: told}, answers=good.answers
    )


def binary_good(good: Good, chance: Chance) -> Wire:
    """Nothing is wrong: so that the ways to spoil it are known to begin with a request that is answered."""
    document, raws = in_binary(good)
    return binary(good, document, b"".join(raws), right=Right.ANSWERED)


def binary_header_wrong(good: Good, chance: Chance) -> Wire:
    """The length of the JSON is wrong, negative, huge or no number."""
    document, raws = in_binary(good)
    size = len(json.dumps(document))
    lengths = [
        size - 1,
        size // 2,
        1,
        0,
        -1,
        size + 1,
        size * 9,
        2**31,
        2**63,
        2**64,
        10**40,
        "many",
        "",
        "0x10",
        "1.5",
    ]
    return binary(good, document, b"".join(raws), chance.choice(lengths))


def binary_size_wrong(good: Good, chance: Chance) -> Wire:
    """The size of a tensor is too small, too large, negative or no number."""
    document, raws = in_binary(good)
    one = chance.choice(cast("list[Document]", document["inputs"]))
    size = cast("dict[str, int]", one["parameters"])["binary_data_size"]
    sizes: list[JsonValue] = [
        size + 1, size - 1, 0, size * 1000, -1, -size, 2**31, 2**63, 2**64, "8", "", None, 1.5, [], {}, True,
    ]  # fmt: skip
    one["parameters"] = {"binary_data_size": chance.choice(sizes)}
    return binary(good, document, b"".join(raws))


def binary_cut(good: Good, chance: Chance) -> Wire:
    """Fewer or more bytes behind the JSON than the sizes say."""
    document, raws = in_binary(good)
    raw = b"".join(raws)
    return binary(good, document, chance.choice([raw[:-1], raw[: len(raw) // 2], b"", raw + b"\x00", raw * 3]))


def binary_shape_lies(good: Good, chance: Chance) -> Wire:
    """The shape asks for more than the sizes hold."""
    document, raws = in_binary(good)
    one = chance.choice(cast("list[Document]", document["inputs"]))
    rows, width = cast("list[int]", one["shape"])
    shapes: list[JsonValue] = [[rows + 1, width], [rows, width + 1], [2**20, width], [2**32, 2**32], [-rows, -width]]
    one["shape"] = chance.choice(shapes)
    return binary(good, document, b"".join(raws))


def binary_rows_beyond_32_bits(good: Good, chance: Chance) -> Wire:
    """So many rows that their number is 0 in 32 bits, which is as much of it as Triton keeps: where another input has
    the right rows, it goes by those."""
    document, raws = in_binary(good)
    one = chance.choice(cast("list[Document]", document["inputs"]))
    one["shape"] = [chance.choice([2**62, 2**40, 2**32]), cast("list[int]", one["shape"])[1]]
    return binary(good, document, b"".join(raws), right=Right.LENIENT)


def binary_texts_lie(good: Good, chance: Chance) -> Wire:
    """Texts whose lengths lie; where the model has no texts, its numbers are said to be some."""
    document, raws = in_binary(good)
    inputs = cast("list[Document]", document["inputs"])
    lengths = [0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 2**20, 5]
    lie = struct.pack("<I", chance.choice(lengths)) + b"AA"
    lies = [lie, b"\x02", b"\x02\x00\x00", lie * 2, prefixed(b"AA") + lie, prefixed(b"AA") * 9, b""]
    raws[-1] = chance.choice(lies)
    inputs[-1] |= {"datatype": "BYTES", "parameters": {"binary_data_size": len(raws[-1])}}
    return binary(good, document, b"".join(raws))


def binary_and_json(good: Good, chance: Chance) -> Wire:
    """Elements both in the JSON and behind it."""
    document, raws = in_binary(good)
    for one, own in zip(cast("list[Document]", document["inputs"]), good.inputs, strict=True):
        one["data"] = own["data"]
    return binary(good, document, b"".join(raws), right=Right.LENIENT)


def content_type_another(good: Good, chance: Chance) -> Wire:
    """A good request under another content type: servers of this protocol do not look at it."""
    kinds = [
        "text/plain",
        "application/xml",
        "application/octet-stream",
        "multipart/form-data; boundary=x",
        "",
        "x" * 99,
    ]
    body = json.dumps(good.document()).encode()
    headers = {"Content-Type": chance.choice(kinds)}
    return Wire(name="", path=good.path, body=body, right=Right.LENIENT, headers=headers, answers=good.answers)


def compressed(good: Good, chance: Chance) -> Wire:
    """A good request as gzip or deflate is answered."""
    kind, pack = chance.choice([("gzip", gzip.compress), ("deflate", zlib.compress)])
    body = pack(json.dumps(good.document()).encode())
    headers = {"Content-Encoding": kind}
    return Wire(name="", path=good.path, body=body, right=Right.ANSWERED, headers=headers, answers=good.answers)


def compressed_badly(good: Good, chance: Chance) -> Wire:
    """Said to be compressed, and is not, or not whole, or by what nobody knows."""
    body = json.dumps(good.document()).encode()
    packed = gzip.compress(body, mtime=0)
    half = packed[: len(packed) // 2]
    flipped = packed[:20] + bytes([packed[20] ^ 0xFF]) + packed[21:]
    sent = chance.choice([body, half, flipped, packed[:10], b"", gzip.compress(half, mtime=0)])
    kind = chance.choice(["gzip", "deflate"] if sent != packed else ["br"])
    headers = {"Content-Encoding": chance.choice([kind, kind, "br", "odd", "gzip, gzip"])}
    return Wire(name="", path=good.path, body=sent, right=Right.DROPPED, headers=headers)


def compressed_bomb(good: Good, chance: Chance) -> Wire:
    """A few kilobytes that are megabytes of blanks or brackets once they are unpacked, and no request."""
    content = chance.choice([b" ", b"0", b"\x00"]) * (chance.randint(1, 8) * 2**20)
    headers = {"Content-Encoding": "gzip"}
    return Wire(name="", path=good.path, body=gzip.compress(content, 1), right=Right.REFUSED, headers=headers)


def model_unknown(good: Good, chance: Chance) -> Wire:
    """A model or a version that nobody has."""
    names = [
        "cm-nobody", f"{good.model}x", good.model.upper(), "a" * 2000, "%00", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%ff",
        f"{good.model}/versions/2", f"{good.model}/versions/x",
        f"{good.model}/versions/-1",
    ]  # fmt: skip
    body = json.dumps(good.document()).encode()
    return Wire(name="", path=f"/v2/models/{chance.choice(names)}/infer", body=body, right=Right.MISSING)


def version_beyond(good: Good, chance: Chance) -> Wire:
    """A version that no integer of 64 bits holds."""
    body = json.dumps(good.document()).encode()
    path = f"/v2/models/{good.model}/versions/{2 ** chance.randint(64, 999)}/infer"
    return Wire(name="", path=path, body=body, right=Right.MISSING)


def path_odd(good: Good, chance: Chance) -> Wire:
    """A path that leads nowhere."""
    paths = [
        "/", "/v2/models", "/v2/models//infer", f"{good.path}/more", f"{good.path}r",
        f"/v1/models/{good.model}:predict",
        "/v2/models/../../etc/passwd", "//v2//models", "/v2/health", "/%2e%2e/", "/" + "a" * 4000, "/v2/nowhere", "/v3",
        "/v2/systemsharedmemory/region/x/register/more", f"/v2/models/{good.model}/generate/now", "*",
    ]  # fmt: skip
    body = json.dumps(good.document()).encode()
    return Wire(name="", path=chance.choice(paths), body=body, right=Right.DROPPED)


def method_odd(good: Good, chance: Chance) -> Wire:
    """A method that asks for no inference."""
    method = chance.choice(["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "FOO", "post"])
    return Wire(name="", path=good.path, method=method, body=json.dumps(good.document()).encode(), right=Right.DROPPED)


def garbage_behind(good: Good, chance: Chance) -> Wire:
    """A good request with what is no second one behind its body: the good one is answered."""
    body = json.dumps(good.document()).encode()
    tail = chance.choice([b"\x00" * 100, b"GARBAGE\r\n\r\n", b"\r\n\r\n\r\n", b"POST ", chance.randbytes(200)])
    return Wire(name="", path=good.path, body=body, tail=tail, right=Right.ANSWERED, answers=good.answers)


def body_unfinished(good: Good, chance: Chance) -> Wire:
    """Less body than was announced, and then the end."""
    body = json.dumps(good.document()).encode()
    length = len(body) + chance.choice([1, 100, 10**6, 2**31, 2**62])
    ending = chance.choice([Ending.CLOSED, Ending.GONE])
    part = body[: chance.randint(0, len(body))]
    return Wire(name="", path=good.path, body=part, length=length, right=Right.DROPPED, ending=ending)


def length_wrong(good: Good, chance: Chance) -> Wire:
    """A length that is too small, or that is none."""
    body = json.dumps(good.document()).encode()
    lengths = ["-1", "many", "1.5", "0x10", str(2**80), "", "5, 5", "+5", str(len(body) // 2)]
    headers = {"Content-Length": chance.choice(lengths)}
    return Wire(name="", path=good.path, body=body, headers=headers, right=Right.DROPPED, ending=Ending.CLOSED)


def chunks_broken(good: Good, chance: Chance) -> Wire:
    """Chunks whose sizes lie."""
    body = json.dumps(good.document()).encode()
    size = chance.choice([b"zz", b"-1", b"ffffffffffffffffff", b"%x" % (len(body) + 9), b"1", b""])
    headers = {"Transfer-Encoding": "chunked"}
    chunked = size + b"\r\n" + body + b"\r\n0\r\n\r\n"
    return Wire(name="", path=good.path, body=chunked, headers=headers, right=Right.DROPPED, ending=Ending.CLOSED)


def headers_odd(good: Good, chance: Chance) -> Wire:
    """Headers that are long, many, or none."""
    headers: list[Mapping[str, str]] = [
        {"X-Long": "x" * 100_000}, {f"X-{number}": "x" for number in range(500)}, {"Bad Name": "x"}, {"": "x"},
        {"X-Zero": "a\x00b"}, {"Expect": "200-maybe"}, {"Connection": "close, keep-alive"}, {"Host": "\x01"},
        {"X-Latin": "\xff\xfe"}, {"X-Folded": "a\r\n b"}, {"Upgrade": "websocket", "Connection": "upgrade"},
    ]  # fmt: skip
    body = json.dumps(good.document()).encode()
    return Wire(
        name="", path=good.path, body=body, headers=chance.choice(headers), right=Right.DROPPED, ending=Ending.CLOSED
    )


def body_slow(good: Good, chance: Chance) -> Wire:
    """A good request in small pieces is answered."""
    body = json.dumps(good.document()).encode()
    return Wire(name="", path=good.path, body=body, right=Right.ANSWERED, ending=Ending.SLOW, answers=good.answers)


def caller_gone(good: Good, chance: Chance) -> Wire:
    """Whoever asked has gone before the answer."""
    body = json.dumps(good.document()).encode()
    return Wire(name="", path=good.path, body=body, right=Right.DROPPED, ending=Ending.GONE)


BYTES_SPOILS = (
    binary_good, binary_header_wrong, binary_size_wrong, binary_cut, binary_shape_lies, binary_rows_beyond_32_bits,
    binary_texts_lie, binary_and_json, content_type_another, compressed, compressed_badly, compressed_bomb,
    model_unknown, version_beyond, path_odd, method_odd, garbage_behind, body_unfinished, length_wrong, chunks_broken,
    headers_odd, body_slow, caller_gone,
)  # fmt: skip


def large(seed: int) -> list[Wire]:
    """A few requests of 10 to 40 megabytes: numbers, texts, names, blanks and bytes."""
    chance = random.Random(seed)
    asked = good("cm-doubling", chance, 1)
    many = json.dumps({"inputs": [{**asked.inputs[0], "data": [0.25] * 2**21}]}).encode()
    long_name = json.dumps({"inputs": [{**asked.inputs[0], "name": "x" * 2**24}]}).encode()
    raw = bytes(20 * 2**20)
    behind = {"inputs": [{**asked.inputs[0], "shape": [2**20, 2], "parameters": {"binary_data_size": len(raw)}}]}
    del behind["inputs"][0]["data"]
    bodies = [many, long_name, b" " * (40 * 2**20), b'{"inputs": "' + b"x" * (30 * 2**20) + b'"}', raw]
    return [
        *(Wire(name="large", path=asked.path, body=body, right=Right.REFUSED) for body in bodies),
        binary(asked, cast(Document, behind), raw),
    ]


def nested(depth: int) -> Wire:
    """Brackets that a parser which calls itself for each cannot survive if they are many."""
    asked = good("cm-doubling", random.Random(0), 1)
    body = json.dumps(asked.document()).replace('"data": [', '"data": ' + "[" * depth, 1)
    return Wire(name=f"{depth} brackets", path=asked.path, body=body.encode(), right=Right.REFUSED)


def of_shape(shape: list[int]) -> Wire:
    """Two elements that are said to be of another shape."""
    asked = good("cm-doubling", random.Random(0), 1)
    document: Document = {"inputs": [{**asked.inputs[0], "shape": cast(JsonValue, shape)}]}
    return wire_of(asked, document, f"the shape {shape}")


def wire_of(asked: Good, document: Document, name: str) -> Wire:
    """A document as a request that is refused."""
    return Wire(name=name, path=asked.path, body=json.dumps(document).encode(), right=Right.REFUSED)


# A server that makes room for what a shape says before it counts the elements ends at the first three, and has no
# memory left after the others; nested brackets fill the stack of one that calls itself for each.
ENDING = (of_shape([2**61, 1]), of_shape([2**63 - 1, 2]), of_shape([2**60, 2]), nested(100_000))
HOSTILE = (*ENDING, nested(1_000_000), of_shape([2**31, 2]), of_shape([2**36, 2]))
