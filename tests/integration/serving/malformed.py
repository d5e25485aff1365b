"""Malformed inference requests over REST without end: good ones with one thing spoiled, each with what it deserves.

The same for the same seed. What spoils the binary extension and HTTP itself is in `malformed_bytes`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from pydantic import JsonValue

from tests.integration.serving.malformed_bytes import BYTES_SPOILS
from tests.integration.serving.malformed_models import DOUBLING, FLIGHTS, Document, Good, good
from tests.integration.serving.malformed_wire import Right, Wire

Chance = random.Random
Spoil = Callable[[Good, Chance], Wire]
NO_TEXTS: tuple[JsonValue, ...] = (7, None, [], {}, True, 1.5, ["x"])
NO_LISTS: tuple[JsonValue, ...] = (7, None, {}, True, "1", 0.5)
SPOILED_KEYS: Mapping[str, tuple[JsonValue, ...]] = {
    "name": NO_TEXTS,
    "datatype": NO_TEXTS,
    "shape": (*NO_LISTS, ["1", "1"], [1.5, 1], [None, 1], [[1], [1]], [{}, 1], [True, 1]),
    "data": (7, None, {}, "1", True, {"0": 1}),
}


def wire(good: Good, document: object, right: Right) -> Wire:
    """A document as a request."""
    return Wire(name="", path=good.path, body=json.dumps(document).encode(), right=right, answers=good.answers)


def spoiled(good: Good, chance: Chance, right: Right = Right.REFUSED, **changes: JsonValue) -> Wire:
    """One input with other values."""
    document = good.document()
    one_of(document, chance).update(changes)
    return wire(good, document, right)


def inputs_of(document: Document) -> list[Document]:
    """The inputs."""
    return cast("list[Document]", document["inputs"])


def one_of(document: Document, chance: Chance) -> Document:
    """Any input."""
    return chance.choice(inputs_of(document))


def input_missing(good: Good, chance: Chance) -> Wire:
    """A required input is not there."""
    document = good.document()
    inputs = inputs_of(document)
    inputs.pop(chance.randrange(len(inputs)))
    return wire(good, document, Right.REFUSED)


def input_renamed(good: Good, chance: Chance) -> Wire:
    """A name that nobody has."""
    names = ["", "X", "x ", "q", "\x00", "Zürich", "\ud800", "a" * 10_000, "../x", "${x}", "%s%n"]
    return spoiled(good, chance, name=chance.choice(names))


def input_extra(good: Good, chance: Chance) -> Wire:
    """One input too many."""
    document = good.document()
    inputs = inputs_of(document)
    inputs.insert(chance.randint(0, len(inputs)), {**one_of(document, chance), "name": f"more{chance.randint(0, 99)}"})
    return wire(good, document, Right.REFUSED)


def input_twice(good: Good, chance: Chance) -> Wire:
    """The same input more than once."""
    document = good.document()
    inputs_of(document).extend([one_of(document, chance)] * chance.randint(1, 5))
    return wire(good, document, Right.REFUSED)


def key_missing(good: Good, chance: Chance) -> Wire:
    """An input without one of its parts."""
    document = good.document()
    del one_of(document, chance)[chance.choice(list(SPOILED_KEYS))]
    return wire(good, document, Right.REFUSED)


def key_of_another_type(good: Good, chance: Chance) -> Wire:
    """A part of an input is of a JSON type that it cannot have."""
    key = chance.choice(list(SPOILED_KEYS))
    return spoiled(good, chance, **{key: chance.choice(SPOILED_KEYS[key])})


def datatype_unknown(good: Good, chance: Chance) -> Wire:
    """A datatype that there is not."""
    kinds = ["FP31", "fp32", "FLOAT", "", "INT", "STRING", "TYPE_FP32", "FP32 ", "BF16x", "INT128", "\x00", "F" * 5000]
    return spoiled(good, chance, datatype=chance.choice(kinds))


def datatype_of_another_input(good: Good, chance: Chance) -> Wire:
    """A datatype that there is, and that is not the model's."""
    document = good.document()
    one = one_of(document, chance)
    one["datatype"] = chance.choice([
        each
        for each in ("BOOL", "UINT8", "INT16", "INT32", "INT64", "FP32", "FP64", "BYTES")
        if each != one["datatype"]
    ])  # fmt: skip
    return wire(good, document, Right.REFUSED)


def shape_lies(good: Good, chance: Chance) -> Wire:
    """The shape asks for more or fewer elements than there are."""
    document = good.document()
    one = one_of(document, chance)
    rows, width = cast("list[int]", one["shape"])
    lies = [
        [rows + 1, width],
        [rows * 100, width],
        [rows, width + 1],
        [rows, width * 1000],
        [rows, 0],
        [width, rows + 9],
    ]
    one["shape"] = cast(JsonValue, chance.choice(lies))
    return wire(good, document, Right.REFUSED)


def dimension_below_zero(good: Good, chance: Chance) -> Wire:
    """A dimension that is negative."""
    low = -chance.choice([1, 2, 7, 2**31, 2**63, 10**20])
    shapes: list[JsonValue] = [[low, 1], [1, low], [low, low], [low], [-1, -1], [-1, -2]]
    return spoiled(good, chance, shape=chance.choice(shapes))


def dimension_beyond(good: Good, chance: Chance) -> Wire:
    """Dimensions that no integer holds, or whose product overflows. Those that no memory has are in `hostile`."""
    shapes: list[JsonValue] = [
        [2**64, 1], [1, 2**64], [2**64 + 2, 1], [10**30, 2], [10**400, 1], [2**32, 2**32], [2**33, 2**31],
        [2**62, 2**62], [2**63, 2],
    ]  # fmt: skip
    return spoiled(good, chance, shape=chance.choice(shapes))


def rank_another(good: Good, chance: Chance) -> Wire:
    """Dimensions too many, too few or none."""
    shapes: list[JsonValue] = [[], [1], [1, 1, 1], [1, 2, 1], [1] * chance.randint(3, 2000), [0] * 5]
    return spoiled(good, chance, shape=chance.choice(shapes))


def rows_above_the_limit(good: Good, chance: Chance) -> Wire:
    """More rows than the model takes, all of them there."""
    return wire_of_rows(good.model, chance, chance.choice([9, 10, 17, 100, 1000]), Right.REFUSED)


def wire_of_rows(model: str, chance: Chance, rows: int, right: Right) -> Wire:
    """A request that is otherwise good."""
    many = good(model, chance, rows)
    return wire(many, many.document(), right)


def rows_none(good: Good, chance: Chance) -> Wire:
    """No row at all."""
    document = good.document()
    for one in inputs_of(document):
        one["shape"], one["data"] = [0, 2 if good.model == DOUBLING else 1], []
    return wire(good, document, Right.EITHER)


def rows_differ(good: Good, chance: Chance) -> Wire:
    """Inputs of different numbers of rows; where there is one input only, it has half a row."""
    document = good.document()
    one = one_of(document, chance)
    data, (_, width) = cast("list[JsonValue]", one["data"]), cast("list[int]", one["shape"])
    if good.model == FLIGHTS:
        one["data"], one["shape"] = data * 2, [2 * len(data), 1]
    else:
        one["data"], one["shape"] = data[:-1], [len(data) // width, width]
    return wire(good, document, Right.REFUSED)


def elements_too_many(good: Good, chance: Chance) -> Wire:
    """More or fewer elements than the shape asks for."""
    document = good.document()
    one = one_of(document, chance)
    data = cast("list[JsonValue]", one["data"])
    one["data"] = chance.choice([data[:-1], data * 2, data * 500, [*data, data[0]], []])
    return wire(good, document, Right.REFUSED)


def elements_nested(good: Good, chance: Chance) -> Wire:
    """As many elements as the shape asks for, nested otherwise than it says."""
    document = good.document()
    one = one_of(document, chance)
    data = cast("list[JsonValue]", one["data"])
    ragged: list[JsonValue] = [[data[0]], *data[1:]]
    one["data"] = chance.choice([ragged, [[data]], [[], data, []], [[[each]] for each in data]])
    return wire(good, document, Right.LENIENT)


def elements_ragged(good: Good, chance: Chance) -> Wire:
    """Nested, and one too few or too many."""
    document = good.document()
    one = one_of(document, chance)
    data = cast("list[JsonValue]", one["data"])
    one["data"] = chance.choice([[data, data[:1]], [data[1:], []], [[data], [data]], [[]], [[[]]]])
    return wire(good, document, Right.REFUSED)


def element_of_another_type(good: Good, chance: Chance) -> Wire:
    """One element that is nothing of the input's datatype."""
    document = good.document()
    one = one_of(document, chance)
    text = one["datatype"] == "BYTES"
    odd = chance.choice([7, 1.5, True, {}, None] if text else ["1", "", "NaN", {}, {"a": 1}])
    data = cast("list[JsonValue]", one["data"])
    data[chance.randrange(len(data))] = odd
    return wire(good, document, Right.REFUSED)


def element_doubtful(good: Good, chance: Chance) -> Wire:
    """Null or a truth for a number: one server takes it, another does not."""
    document = good.document()
    one = one_of(document, chance)
    data = cast("list[JsonValue]", one["data"])
    data[chance.randrange(len(data))] = chance.choice([None, True, False])
    return wire(good, document, Right.EITHER)


def number_out_of_range(good: Good, chance: Chance) -> Wire:
    """A number that the datatype does not hold."""
    document = good.document()
    numeric = [each for each in inputs_of(document) if each["datatype"] != "BYTES"]
    data = cast("list[JsonValue]", chance.choice(numeric)["data"])
    data[chance.randrange(len(data))] = chance.choice(
        [2**63, -(2**63) - 1, 2**64, 10**30, 1e300, -1e300, 1e-320, 0.5, 3.4028236e38, 10**400]
    )
    return wire(good, document, Right.EITHER)


def number_odd(good: Good, chance: Chance) -> Wire:
    """NaN, infinities and numbers that no float holds, as JSON of several makers writes them."""
    document = good.document()
    numeric = [each for each in inputs_of(document) if each["datatype"] != "BYTES"]
    data = cast("list[JsonValue]", chance.choice(numeric)["data"])
    data[0] = "ODD"
    odd = chance.choice(
        ["NaN", "-NaN", "nan", "Infinity", "-Infinity", "Inf", "1e400", "-1e400", "1e-400", "1e99999999"]
    )
    body = json.dumps(document).replace('"ODD"', odd).encode()
    return Wire(name="", path=good.path, body=body, right=Right.EITHER)


def minus_nought(good: Good, chance: Chance) -> Wire:
    """-0, in each way that it can be written: it is a number like the others."""
    document = good.document()
    one = inputs_of(document)[0]
    data = cast("list[JsonValue]", one["data"])
    data[:] = ["NOUGHT"] * len(data)
    written = chance.choice(["-0.0", "-0", "-0e0", "-0.0e-5", "0E+3"])
    changed = json.dumps(document).replace('"NOUGHT"', written).encode()
    return Wire(name="", path=good.path, body=changed, right=Right.ANSWERED, answers=without_first(good))


def without_first(good: Good) -> tuple[float, ...]:
    """The answers where the first input is nought."""
    first = cast("list[float]", good.inputs[0]["data"])
    if good.model == DOUBLING:
        return tuple(0.0 for _ in good.answers)
    return tuple(answer - far for answer, far in zip(good.answers, first, strict=True))


def output_wrong(good: Good, chance: Chance) -> Wire:
    """An output that nobody has, or that is none."""
    wrong: list[JsonValue] = [
        [{"name": "q"}], [{}], [{"name": 7}], [{"name": None}], 7, "y", {"name": "y"}, [7], ["y"], [None], [[]],
        [{"name": "a" * 10_000}],
    ]  # fmt: skip
    return wire(good, good.document(outputs=chance.choice(wrong)), Right.REFUSED)


def name_with_zero(good: Good, chance: Chance) -> Wire:
    """A right name with a zero behind it: where names are read up to a zero it is the right one."""
    document = good.document(outputs=[{"name": f"{'y' if good.model == DOUBLING else 'delayed'}\x00"}])
    if chance.random() < 0.5:
        document = good.document()
        one = one_of(document, chance)
        one["name"] = f"{one['name']}\x00{chance.choice(['', 'x'])}"
    return wire(good, document, Right.LENIENT)


def not_a_request(good: Good, chance: Chance) -> Wire:
    """JSON, or nothing, where an object with inputs should be."""
    wrong: list[bytes] = [
        b"", b" ", b"7", b"null", b"[]", b'""', b"{}", b'{"inputs": []}', b'{"inputs": {}}', b'{"inputs": null}',
        b'{"inputs": [7]}', b'{"inputs": [null]}', b'{"inputs": [[]]}', b'{"inputs": "x"}', b'{"Inputs": [{}]}',
        b"true", b"inputs=1", b"<inputs/>", b"\x00", b'{"inputs": [{}]}', b"//", b"NaN",
    ]  # fmt: skip
    return Wire(name="", path=good.path, body=chance.choice(wrong), right=Right.REFUSED)


def json_cut(good: Good, chance: Chance) -> Wire:
    """JSON that ends early."""
    body = json.dumps(good.document()).encode()
    return Wire(name="", path=good.path, body=body[: chance.randint(1, len(body) - 1)], right=Right.REFUSED)


def json_broken(good: Good, chance: Chance) -> Wire:
    """JSON with a mark too many or of another kind."""
    body = json.dumps(good.document())
    mark = chance.choice(['"', ":", "[", "{", "}", "]"])
    at = chance.choice([index for index, each in enumerate(body) if each == mark])
    put = chance.choice(["", mark * 2, ";"])
    return Wire(name="", path=good.path, body=(body[:at] + put + body[at + 1 :]).encode(), right=Right.REFUSED)


def bytes_changed(good: Good, chance: Chance) -> Wire:
    """Some bytes are others, gone, or there twice: no UTF-8, and zeros among them. By chance it is still right."""
    body = json.dumps(good.document()).encode()
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(body))
        put = chance.choice([b"\x00", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"", body[at : at + 9] * 2, b"9", b"-"])
        body = body[:at] + put + body[at + 1 :]
    return Wire(name="", path=good.path, body=body, right=Right.EITHER)


def keys_twice(good: Good, chance: Chance) -> Wire:
    """Keys that are there twice: a server may take either."""
    body = json.dumps(good.document())
    twice = chance.choice([
        body.replace('"shape":', '"shape": [9, 9], "shape":', 1), body.replace('"data":', '"data": [], "data":', 1),
        '{"inputs": [], ' + body[1:], body.replace('"name":', '"name": "q", "name":', 1),
        body.replace('"datatype":', '"datatype": "BOOL", "datatype":', 1),
    ])  # fmt: skip
    return Wire(name="", path=good.path, body=twice.encode(), right=Right.EITHER)


def keys_unknown(good: Good, chance: Chance) -> Wire:
    """Keys that nobody knows harm nothing."""
    odd = chance.choice(["odd", "Inputs", "model_name", "x" * 1000, "ключ", "signature_name"])
    return wire(good, good.document(**{odd: {"deep": [1, None, {"a": "b"}]}}), Right.ANSWERED)


def id_odd(good: Good, chance: Chance) -> Wire:
    """An id that is no text, or a long one."""
    odd: list[JsonValue] = [7, None, [], {}, True, "x" * 100_000, "\x00", "\n\r\t", 2**70, ""]
    return wire(good, good.document(id=chance.choice(odd)), Right.LENIENT)


def parameters_odd(good: Good, chance: Chance) -> Wire:
    """Parameters that are none, or that mean something with a value that cannot be."""
    odd: list[JsonValue] = [
        7, [], "x", None, {"a": None}, {"a": {"b": 1}}, {"a": [1]}, {"sequence_id": -1}, {"sequence_id": {}},
        {"priority": 2**70}, {"priority": "high"}, {"timeout": -5}, {"timeout": "soon"}, {"sequence_start": "yes"},
        {"binary_data_output": "yes"}, {"binary_data_output": 7}, {"": 1}, {"x" * 10_000: 1},
    ]  # fmt: skip
    return wire(good, good.document(parameters=chance.choice(odd)), Right.LENIENT)


def shared_memory_of_nobody(good: Good, chance: Chance) -> Wire:
    """Elements that are said to be in a region of memory that nobody has registered."""
    document = good.document()
    one = one_of(document, chance)
    del one["data"]
    sizes: list[JsonValue] = [0, 8, -1, 2**40, "8", None]
    one["parameters"] = {"shared_memory_region": "r", "shared_memory_byte_size": chance.choice(sizes)}
    return wire(good, document, Right.REFUSED)


def nested_deeply(good: Good, chance: Chance) -> Wire:
    """Elements below many brackets that hold too few of them."""
    depth = chance.choice([50, 200, 1000, 2000])
    document = good.document()
    one = one_of(document, chance)
    one["data"] = ["DEEP"]
    one["shape"] = [3, 2 if good.model == DOUBLING else 1]
    body = json.dumps(document).replace('"DEEP"', "[" * depth + "1" + "]" * depth)
    return Wire(name="", path=good.path, body=body.encode(), right=Right.REFUSED)


SPOILS: Mapping[str, Spoil] = {
    spoil.__name__: spoil
    for spoil in (
        input_missing, input_renamed, input_extra, input_twice, key_missing, key_of_another_type, datatype_unknown,
        datatype_of_another_input, shape_lies, dimension_below_zero, dimension_beyond, rank_another,
        rows_above_the_limit, rows_none, rows_differ, elements_too_many, elements_nested, elements_ragged,
        element_of_another_type, element_doubtful, number_out_of_range, number_odd, minus_nought, output_wrong,
        name_with_zero, not_a_request, json_cut, json_broken, bytes_changed, keys_twice, keys_unknown, id_odd,
        parameters_odd, shared_memory_of_nobody, nested_deeply, *BYTES_SPOILS,
    )
}  # fmt: skip


def malformed(count: int, seed: int) -> Iterator[Wire]:
    """So many requests, every way to spoil one equally often, named after it."""
    chance = random.Random(seed)
    names = sorted(SPOILS)
    for number in range(count):
        name = names[number % len(names)]
        request = SPOILS[name](good(chance.choice([FLIGHTS, DOUBLING]), chance), chance)
        yield Wire(**{field: getattr(request, field) for field in Wire.__slots__} | {"name": name})
