"""Requests and answers as JSON and back: what goes in comes out, and what is none is refused."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cmcore.errors import InferenceError, InferenceStatus
from cmcore.inference.request import InferenceRequest, InferenceResponse, request_from, response_of, tensor_of
from tests.unit.inference.drawn import requests, responses, tensors


def on_the_wire(document: object) -> object:
    """As the other side reads it."""
    return json.loads(json.dumps(document).encode())


def tensor(**changes: JsonValue) -> dict[str, JsonValue]:
    """A tensor as JSON; what is None is left out."""
    document: dict[str, JsonValue] = {"name": "x", "datatype": "INT8", "shape": [2], "data": [1, 2], **changes}
    return {key: value for key, value in document.items() if value is not None}


@given(request=requests)
def test_a_request_comes_out_as_it_went_in(request: InferenceRequest) -> None:
    assert repr(request_from(on_the_wire(request.document()))) == repr(request)


@given(response=responses)
def test_an_answer_comes_out_as_it_went_in(response: InferenceResponse) -> None:
    assert repr(response_of(on_the_wire(response.document()))) == repr(response)


@given(one=tensors())
def test_a_tensor_says_as_many_elements_as_its_shape(one: object) -> None:
    assert one.size == len(one.data)  # type: ignore[attr-defined]  # Hypothesis draws a Tensor


@pytest.mark.parametrize(
    "data", [[[1, 2], [3, 4]], [[[1], [2]], [[3], [4]]], [1, [2, [3, [4]]]], [1, 2, 3, 4]], ids=str
)
def test_elements_may_be_nested_in_any_way(data: JsonValue) -> None:
    assert tensor_of(tensor(shape=[2, 2], data=data)).data == (1, 2, 3, 4)


def test_elements_may_be_nested_deeper_than_python_recurses() -> None:
    data: JsonValue = 7
    for _ in range(100_000):
        data = [data]
    assert tensor_of(tensor(shape=[1], data=data)).data == (7,)


def test_one_element_may_stand_without_a_list() -> None:
    assert tensor_of(tensor(shape=[1], data=7)).data == (7,)


def test_nan_and_infinity_are_elements() -> None:
    found = tensor_of(on_the_wire(tensor(datatype="FP32", shape=[3], data=[math.nan, math.inf, -math.inf])))
    assert list(map(repr, found.data)) == ["nan", "inf", "-inf"]


@pytest.mark.parametrize(
    "document",
    [
        None, 7, [], "x", tensor(name=None), tensor(name=""), tensor(name=7), tensor(datatype=None),
        tensor(datatype="INT9"), tensor(datatype="int8"), tensor(datatype=["INT8"]), tensor(shape=None),
        tensor(shape=2), tensor(shape=["2"]), tensor(shape=[2.0]), tensor(shape=[True, 2]), tensor(shape=[-2]),
        tensor(shape=[2**63]), tensor(shape=[3]), tensor(shape=[]), tensor(data=None), tensor(data=[1, 128]),
        tensor(data=[1, "2"]), tensor(data=[1, None]), tensor(data=[1, True]), tensor(data=[1, 2.0]),
        tensor(data=[1, {}]), tensor(data={"0": 1}), tensor(data=[1, 2, 3]), tensor(data="12"),
        tensor(datatype="FP64", data=[1, 10**400]), tensor(datatype="FP16", data=[1, 70_000]),
        tensor(datatype="BYTES", data=["a", 1]), tensor(shape=[2**32, 2**32]),
    ],
    ids=lambda it: str(it)[:60],
)  # fmt: skip
def test_what_is_no_tensor_is_invalid(document: JsonValue) -> None:
    with pytest.raises(InferenceError) as refused:
        tensor_of(document)
    assert refused.value.status is InferenceStatus.INVALID


@pytest.mark.parametrize(
    "document",
    [
        None, 7, [], {}, {"inputs": None}, {"inputs": {}}, {"inputs": [7]}, {"inputs": [], "id": 7},
        {"inputs": [], "parameters": []}, {"inputs": [], "outputs": "y"}, {"inputs": [], "outputs": ["y"]},
        {"inputs": [], "outputs": [{}]}, {"inputs": [], "outputs": [{"name": 7}]}, {"inputs": [], "outputs": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_request_is_invalid(document: JsonValue) -> None:
    with pytest.raises(InferenceError) as refused:
        request_from(document)
    assert refused.value.status is InferenceStatus.INVALID


@pytest.mark.parametrize(
    "document",
    [
        None, [], {}, {"model_name": "m"}, {"outputs": []}, {"model_name": 7, "outputs": []},
        {"model_name": "m", "outputs": {}}, {"model_name": "m", "outputs": [7]},
        {"model_name": "m", "outputs": [tensor(data=[1])]},
    ],
    ids=str,
)  # fmt: skip
def test_a_server_that_answers_with_no_answer_has_failed(document: JsonValue) -> None:
    with pytest.raises(InferenceError) as refused:
        response_of(document)
    assert refused.value.status is InferenceStatus.FAILED


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["inputs", "outputs", "name", "datatype", "shape", "data", "id", "model_name"]), inner
        ),
    ),
    max_leaves=12,
)


@given(document=JSON)
def test_whatever_comes_is_a_request_or_refused(document: JsonValue) -> None:
    assert isinstance(request_or_refusal(document), InferenceRequest | InferenceError)


def request_or_refusal(document: JsonValue) -> InferenceRequest | InferenceError:
    """What comes of JSON."""
    try:
        return request_from(document)
    except InferenceError as error:
        return error


def test_an_output_is_found_by_its_name() -> None:
    found = response_of({"model_name": "m", "outputs": [tensor(name="a"), tensor(name="b")]})
    assert found.output("b").name == "b"


def test_an_output_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InferenceError, match="no output 'q'; it has x"):
        response_of({"model_name": "m", "outputs": [tensor()]}).output("q")


def test_what_is_empty_is_left_out_of_the_json() -> None:
    assert InferenceRequest(inputs=()).document() == {"inputs": []}
