"""Bodies of REST requests: what is accepted, what is refused, and what comes back. Triton 2.51 was asked the same.

Where Triton answers 500 to what is no request (broken JSON, texts for numbers), this door answers 400.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cmcore.inference.datatype import DataType
from cmcore_ray.codec.arrays import DTYPES, Array, of_bytes
from cmcore_ray.codec.question import Question, Served
from cmcore_ray.codec.refusal import Reason, RefusalError
from cmcore_ray.codec.rest import body_of, metadata_of, question_of

RAW = struct.pack("<4f", 1, 2, 3, 4)
Document = dict[str, object]


def x(**changes: object) -> Document:
    return {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4], **changes}


def s(**changes: object) -> Document:
    return {"name": "s", "datatype": "BYTES", "shape": [1, 1], "data": ["a"], **changes}


def k(**changes: object) -> Document:
    return {"name": "k", "datatype": "INT8", "shape": [1, 1], "data": [1], **changes}


def raw_x(size: object = 16, **changes: object) -> Document:
    return {"name": "x", "datatype": "FP32", "shape": [1, 4], "parameters": {"binary_data_size": size}, **changes}


def asked(*inputs: object, **more: object) -> bytes:
    return json.dumps({"inputs": inputs, **more}).encode()


def with_raw(raw: bytes, *inputs: object, **more: object) -> tuple[bytes, str]:
    header = asked(*inputs, **more)
    return header + raw, str(len(header))


WRONG: Mapping[str, bytes] = {
    "no JSON": b"hello",
    "nothing": b"",
    "a list": b"[]",
    "null": b"null",
    "cut off": asked(x())[:-2],
    "more after it": asked(x()) + b"xx",
    "nested without end": b'{"inputs":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "no UTF-8": b'{"inputs": "\xff"}',
    "no inputs": b"{}",
    "empty inputs": asked(),
    "inputs as an object": b'{"inputs": {}}',
    "an input as a text": asked("x"),
    "an id that is no text": asked(x(), id=7),
    "no name": asked({"datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}),
    "no shape": asked({"name": "x", "datatype": "FP32", "data": [1, 2, 3, 4]}),
    "no datatype": asked({"name": "x", "shape": [1, 4], "data": [1, 2, 3, 4]}),
    "no data": asked({"name": "x", "datatype": "FP32", "shape": [1, 4]}),
    "an unknown input": asked(x(), x(name="q")),
    "an input twice": asked(x(), x()),
    "a missing input": asked(s()),
    "an unknown datatype": asked(x(datatype="FP33")),
    "a datatype in lower case": asked(x(datatype="fp32")),
    "another datatype": asked(x(datatype="FP64")),
    "a dimension too few": asked(x(shape=[4])),
    "a dimension too many": asked(x(shape=[1, 4, 1])),
    "another size": asked(x(shape=[1, 3], data=[1, 2, 3])),
    "a negative size": asked(x(shape=[-1, 4])),
    "a size that is no whole number": asked(x(shape=[1.0, 4])),
    "a size as a text": asked(x(shape=["1", 4])),
    "a huge size": asked(x(), k(shape=[1, 2**62])),
    "no rows": asked(x(shape=[0, 4], data=[])),
    "too many rows": asked(x(shape=[9, 4], data=[1] * 36)),
    "different rows": asked(x(), s(shape=[2, 1], data=["a", "b"])),
    "too few elements": asked(x(data=[1, 2, 3])),
    "too many elements": asked(x(data=[1, 2, 3, 4, 5])),
    "data that are no list": asked(x(data=1)),
    "a text for a number": asked(x(data=["1", 2, 3, 4])),
    "null for a number": asked(x(data=[None, 2, 3, 4])),
    "true for a number": asked(x(data=[True, 2, 3, 4])),
    "an object for a number": asked(x(data=[{}, 2, 3, 4])),
    "a number for a text": asked(x(), s(data=[5])),
    "half of a surrogate pair": b'{"inputs":[' + json.dumps(s(data=["\ud800"])).encode() + b"]}",
    "a fraction for a whole number": asked(x(), k(data=[1.5])),
    "a whole number written as a fraction": asked(x(), k(data=[1.0])),
    "a whole number out of range": asked(x(), k(data=[300])),
    "true for a whole number": asked(x(), k(data=[True])),
    "a number beyond every float": asked(x(data=[10**400, 2, 3, 4])),
    "an unknown output": asked(x(), outputs=[{"name": "q"}]),
    "an output as a text": asked(x(), outputs=["y"]),
    "an output without a name": asked(x(), outputs=[{}]),
    "outputs as a text": asked(x(), outputs="y"),
    "a classification": asked(x(), outputs=[{"name": "y", "parameters": {"classification": 2}}]),
    "parameters as a list": asked(x(), parameters=[1]),
    "a nested parameter": asked(x(), parameters={"a": {"b": 1}}),
}
WRONG_RAW: Mapping[str, tuple[bytes, str]] = {
    "a byte too few": with_raw(RAW[:-1], raw_x()),
    "a byte too many": with_raw(RAW + b"x", raw_x()),
    "a smaller size than the shape asks for": with_raw(RAW[:12], raw_x(12)),
    "a larger size than the shape asks for": with_raw(RAW + b"1234", raw_x(20)),
    "a negative size": with_raw(RAW, raw_x(-1)),
    "a size as a text": with_raw(RAW, raw_x("16")),
    "a size as a truth value": with_raw(RAW, raw_x(True)),
    "a huge size": with_raw(RAW, raw_x(2**62)),
    "data and raw bytes": with_raw(RAW, raw_x(data=[1, 2, 3, 4])),
    "a header longer than the body": (with_raw(RAW, raw_x())[0], "9999"),
    "a header of negative length": (with_raw(RAW, raw_x())[0], "-1"),
    "a header of no length": (with_raw(RAW, raw_x())[0], "0"),
    "a header's length that is no number": (with_raw(RAW, raw_x())[0], "²"),
    "an element longer than the rest": with_raw(
        b"\x04\0\0\0abc",
        x(),
        {"name": "s", "datatype": "BYTES", "shape": [1, 1], "parameters": {"binary_data_size": 7}},
    ),
    "half an element's length": with_raw(
        b"\x01\0\0\0a\x01",
        x(),
        {"name": "s", "datatype": "BYTES", "shape": [1, 1], "parameters": {"binary_data_size": 6}},
    ),
    "an element's length that lies": with_raw(
        b"\xff\xff\xff\xffa",
        x(),
        {"name": "s", "datatype": "BYTES", "shape": [1, 1], "parameters": {"binary_data_size": 5}},
    ),
}


def reason(served: Served, body: bytes, header: str | None = None) -> Reason:
    with pytest.raises(RefusalError) as caught:
        question_of(served, body, header)
    return caught.value.reason


@pytest.mark.parametrize("case", sorted(WRONG))
def test_what_is_no_request_for_the_model_is_invalid(served: Served, case: str) -> None:
    assert reason(served, WRONG[case]) is Reason.INVALID


@pytest.mark.parametrize("case", sorted(WRONG_RAW))
def test_raw_bytes_that_lie_are_invalid(served: Served, case: str) -> None:
    assert reason(served, *WRONG_RAW[case]) is Reason.INVALID


@given(body=st.binary(max_size=60))
def test_no_body_at_all_breaks_the_door(served: Served, body: bytes) -> None:
    assert reason(served, body) is Reason.INVALID


@given(cut=st.integers(0, 200), put=st.binary(max_size=3))
def test_a_damaged_body_is_refused_or_read(served: Served, cut: int, put: bytes) -> None:
    whole, header = with_raw(RAW, raw_x(), s(), id="a")
    damaged = whole[:cut] + put + whole[cut + len(put) :]
    assert outcome(served, damaged, header) in (Reason.INVALID, True)


def outcome(served: Served, body: bytes, header: str) -> object:
    try:
        return "x" in question_of(served, body, header).inputs
    except RefusalError as error:
        return error.reason


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2, 3, 4]], [[1, 2], [3, 4]], [1, [2, [3]], 4], [1.0, 2, 3, 4]])
def test_elements_may_be_nested_in_any_way(served: Served, data: object) -> None:
    assert question_of(served, asked(x(data=data)), None).inputs["x"].tolist() == [[1, 2, 3, 4]]


def test_floats_that_are_no_numbers_are_read(served: Served) -> None:
    found = question_of(served, asked(x(data=[float("nan"), float("inf"), float("-inf"), -0.0])), None)
    assert list(map(repr, found.inputs["x"].ravel().tolist())) == ["nan", "inf", "-inf", "-0.0"]


def test_a_number_beyond_the_type_is_infinite_as_with_triton(served: Served) -> None:
    assert question_of(served, asked(x(data=[1e39, 1, 1, 1])), None).inputs["x"][0, 0] == numpy.inf


def test_raw_bytes_and_json_may_be_mixed(served: Served) -> None:
    found = question_of(served, *with_raw(RAW, s(data=["é\0"]), raw_x()))
    assert (found.inputs["x"].tolist(), found.inputs["s"].tolist()) == ([[1, 2, 3, 4]], [["é\0".encode()]])


def test_an_array_of_raw_bytes_can_be_written_to(served: Served) -> None:
    assert question_of(served, *with_raw(RAW, raw_x())).inputs["x"].flags.writeable


def test_unknown_keys_are_ignored(served: Served) -> None:
    assert question_of(served, asked(x(foo=1), bar=2), None).rows == 1


def test_the_id_is_kept(served: Served) -> None:
    assert question_of(served, asked(x(), id="q/1"), None).id == "q/1"


def test_outputs_come_in_the_order_of_the_model(served: Served) -> None:
    found = question_of(served, asked(x(), outputs=[{"name": "t"}, {"name": "y"}, {"name": "t"}]), None)
    assert [spec.name for spec in found.outputs] == ["y", "t"]


def test_no_named_output_means_all(served: Served) -> None:
    assert [spec.name for spec in question_of(served, asked(x(), outputs=[]), None).outputs] == ["y", "t"]


OUTPUTS: Mapping[str, Array] = {
    "y": numpy.array([[1.5, numpy.nan, -0.0, 3]], dtype="<f4"),
    "t": of_bytes([b"\xff\0a"], (1, 1)),
}


def test_an_answer_names_model_version_and_id(served: Served) -> None:
    told = json.loads(
        body_of(served, question_of(served, asked(x(), id="7", outputs=[{"name": "y"}]), None), OUTPUTS).content
    )
    assert (told["id"], told["model_name"], told["model_version"]) == ("7", "multi", "1")


def test_an_answer_without_an_id_has_none(served: Served) -> None:
    found = body_of(served, question_of(served, asked(x(), outputs=[{"name": "y"}]), None), OUTPUTS)
    assert "id" not in json.loads(found.content)


def test_an_answer_in_json_has_no_raw_bytes(served: Served) -> None:
    assert body_of(served, question_of(served, asked(x()), None), OUTPUTS).header_bytes is None


def test_bytes_that_are_no_text_come_out_as_they_went_in(served: Served) -> None:
    assert b'["\xff\\u0000a"]' in body_of(served, question_of(served, asked(x()), None), OUTPUTS).content


def test_all_outputs_can_be_asked_for_as_raw_bytes(served: Served) -> None:
    question = question_of(served, asked(x(), parameters={"binary_data_output": True}), None)
    found = body_of(served, question, OUTPUTS)
    assert found.content[found.header_bytes :] == OUTPUTS["y"].tobytes() + b"\x03\0\0\0\xff\0a"


def test_one_output_can_be_asked_for_as_raw_bytes(served: Served) -> None:
    wanted = [{"name": "y", "parameters": {"binary_data": True}}, {"name": "t"}]
    found = body_of(served, question_of(served, asked(x(), outputs=wanted), None), OUTPUTS)
    told = json.loads(found.content[: found.header_bytes].decode("utf-8", "replace"))
    assert [("data" in tensor, tensor.get("parameters")) for tensor in told["outputs"]] == [
        (False, {"binary_data_size": 16}),
        (True, None),
    ]


def test_metadata_have_the_rows_as_a_dimension(served: Served) -> None:
    assert metadata_of(served)["inputs"][0] == {"name": "x", "datatype": "FP32", "shape": [-1, 4]}  # type: ignore[index] # JSON


@given(
    values=arrays.arrays(
        dtype=numpy.dtype("<f4"),
        shape=st.tuples(st.integers(1, 8), st.just(4)),
        elements=st.floats(width=32, allow_nan=False),
    ),
    texts=st.lists(st.text(max_size=5), min_size=8, max_size=8),
)
def test_what_goes_in_comes_out(served: Served, values: Array, texts: list[str]) -> None:
    rows = values.shape[0]
    body = asked(
        x(shape=[rows, 4], data=values.tolist()),
        s(shape=[rows, 1], data=[text.encode("utf-8", "replace").decode() for text in texts[:rows]]),
    )
    question = question_of(served, body, None)
    answer = body_of(served, question, {"y": question.inputs["x"], "t": question.inputs["s"]})
    told = json.loads(answer.content)["outputs"]
    sent = json.loads(body)["inputs"]
    assert (told[0]["data"], told[1]["data"]) == (values.ravel().tolist(), sent[1]["data"])


@given(question=st.sampled_from([kind for kind in DataType if kind is not DataType.BYTES]), data=st.data())
def test_raw_bytes_come_back_as_they_went(question: DataType, data: st.DataObject) -> None:
    from cmcore_ray.codec.arrays import from_raw, to_raw

    array = data.draw(arrays.arrays(dtype=DTYPES[question], shape=arrays.array_shapes(max_dims=3, max_side=4)))
    assert to_raw(from_raw("x", question, array.shape, array.tobytes())) == array.tobytes()


def test_a_question_has_no_raw_outputs_unless_asked(served: Served) -> None:
    found: Question = question_of(served, asked(x()), None)
    assert found.binary == frozenset()
