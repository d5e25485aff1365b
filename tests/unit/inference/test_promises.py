"""What an interface takes and what it promises: requests that are refused, answers that have faults."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import InferenceError, InferenceStatus, ServingError
from cmcore.inference.acceptance import refusals
from cmcore.inference.answer import faults
from cmcore.inference.client import RestClient
from cmcore.inference.datatype import DataType
from cmcore.inference.interface import Interface
from cmcore.inference.request import InferenceRequest, InferenceResponse
from cmcore.inference.sample import generated
from cmcore.inference.tensor import Tensor, TensorSpec
from tests.unit.inference.drawn import interfaces

X = TensorSpec(name="x", datatype=DataType.FP32, shape=(2,))
NOTE = TensorSpec(name="note", datatype=DataType.BYTES, shape=(1,), optional=True)
Y = TensorSpec(name="y", datatype=DataType.FP32, shape=(-1,))
INTERFACE = Interface(inputs=(X, NOTE), outputs=(Y,))
GIVEN = Tensor(name="x", datatype=DataType.FP32, shape=(1, 2), data=(1.0, 2.0))
ASKED = InferenceRequest(inputs=(GIVEN,), id="7")
ONE = Tensor(name="y", datatype=DataType.FP32, shape=(1, 3), data=(1.0, 2.0, 3.0))
ANSWER = InferenceResponse(model_name="m", id="7", outputs=(ONE,))


def refused(*tensors: Tensor, outputs: tuple[str, ...] = (), max_rows: int = 0) -> str:
    """What is wrong with a request, in one text."""
    return "; ".join(refusals(InferenceRequest(inputs=tensors, outputs=outputs), INTERFACE, max_rows=max_rows))


def text(rows: int) -> Tensor:
    """The optional input."""
    return Tensor(name="note", datatype=DataType.BYTES, shape=(rows, 1), data=("a",) * rows)


def test_a_request_as_the_interface_wants_it_is_taken() -> None:
    assert refused(GIVEN, outputs=("y",), max_rows=1) == ""


def test_an_optional_input_may_be_there() -> None:
    assert refused(GIVEN, text(1)) == ""


@pytest.mark.parametrize(
    ("tensors", "told"),
    [
        ((), "input 'x' is missing"),
        ((GIVEN, GIVEN), "input 'x' is there more than once"),
        ((GIVEN, replace(GIVEN, name="q")), "no input 'q'; inputs: x, note"),
        ((replace(GIVEN, datatype=DataType.FP64),), "of FP64; it must be of FP32"),
        ((replace(GIVEN, shape=(2,)),), r"shape [2]; it must be [-1, 2]"),
        ((replace(GIVEN, shape=()),), r"shape []; it must be [-1, 2]"),
        ((replace(GIVEN, shape=(1, 2, 1)),), r"shape [1, 2, 1]; it must be [-1, 2]"),
        ((replace(GIVEN, shape=(2, 1)),), r"shape [2, 1]; it must be [-1, 2]"),
        ((replace(GIVEN, data=(1.0,)),), "has 1 elements, and its shape asks for 2"),
        ((GIVEN, text(2)), "inputs have 1, 2 rows"),
    ],
)
def test_a_wrong_request_is_refused_for_what_it_is(tensors: tuple[Tensor, ...], told: str) -> None:
    assert told in refused(*tensors)


def test_more_rows_than_may_come_at_once_are_refused() -> None:
    many = replace(GIVEN, shape=(3, 2), data=(0.0,) * 6)
    assert "3 rows, and at most 2 are taken" in refused(many, max_rows=2)


def test_an_output_that_there_is_not_is_refused() -> None:
    assert refused(GIVEN, outputs=("q",)) == "no output 'q'; outputs: y"


def test_every_problem_is_told_at_once() -> None:
    assert len(refusals(InferenceRequest(inputs=(replace(GIVEN, name="q"),), outputs=("q",)), INTERFACE)) == 3


@given(interface=interfaces, rows=st.integers(1, 3))
def test_an_answer_with_what_is_promised_has_no_fault(interface: Interface, rows: int) -> None:
    request = generated(interface, rows)
    outputs = generated(Interface(inputs=interface.outputs, outputs=interface.outputs, batched=interface.batched), rows)
    assert faults(InferenceResponse(model_name="m", outputs=outputs.inputs), request, interface) == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (replace(ANSWER, outputs=()), "output 'y' is missing"),
        (replace(ANSWER, id="8"), "the request's id '7' came back as '8'"),
        (replace(ANSWER, outputs=(replace(ONE, datatype=DataType.FP64),)), "of FP64, and FP32 is promised"),
        (replace(ANSWER, outputs=(replace(ONE, shape=(3,)),)), "shape [3], and [1, -1] is promised"),
        (replace(ANSWER, outputs=(replace(ONE, shape=(3, 1)),)), "shape [3, 1], and [1, -1] is promised"),
        (replace(ANSWER, outputs=(replace(ONE, shape=(1, 3, 1)),)), "shape [1, 3, 1], and [1, -1] is promised"),
        (replace(ANSWER, outputs=(replace(ONE, shape=()),)), "shape [], and [1, -1] is promised"),
        (replace(ANSWER, outputs=(replace(ONE, data=(1.0, 2.0)),)), "2 elements, and its shape asks for 3"),
        (replace(ANSWER, outputs=(replace(ONE, data=(1.0, math.nan, 2.0)),)), "1 of 3 values that are no numbers"),
        (replace(ANSWER, outputs=(replace(ONE, data=(math.inf,) * 3),)), "3 of 3 values that are no numbers"),
    ],
)
def test_a_fault_of_an_answer_is_told(answer: InferenceResponse, told: str) -> None:
    assert told in "; ".join(faults(answer, ASKED, INTERFACE))


def test_an_output_that_was_not_asked_for_may_be_missing() -> None:
    both = Interface(inputs=(X,), outputs=(Y, TensorSpec(name="z", datatype=DataType.FP32, shape=(1,))))
    assert faults(ANSWER, replace(ASKED, outputs=("y",)), both) == []


def test_a_request_that_no_server_could_read_is_not_sent() -> None:
    broken = InferenceRequest(inputs=(replace(GIVEN, data=(1.0,)),))
    with RestClient("http://127.0.0.1:9") as client, pytest.raises(InferenceError) as invalid:
        client.infer("m", broken)
    assert invalid.value.status is InferenceStatus.INVALID


def test_where_no_server_answers_it_is_no_fault_of_a_model() -> None:
    with RestClient("http://127.0.0.1:9") as client, pytest.raises(ServingError, match="no server answers"):
        client.infer("m", ASKED)


def test_where_no_server_answers_none_is_live_and_no_model_ready() -> None:
    with RestClient("http://127.0.0.1:9") as client:
        assert (client.live(), client.ready("m")) == (False, False)
