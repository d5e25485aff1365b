"""Sample requests: those that a model's folder recorded, and generated ones, are such as the interface takes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.inference.acceptance import refusals
from cmcore.inference.datatype import DataType
from cmcore.inference.interface import Interface
from cmcore.inference.request import InferenceRequest
from cmcore.inference.sample import EXAMPLE_BYTES, EXAMPLE_FILE, generated, recorded_rows, request_of
from cmcore.inference.tensor import Tensor, TensorSpec
from tests.unit.inference.drawn import interfaces

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.sampled_from([10**400, math.inf])
)


def of(kind: DataType, *shape: int) -> Interface:
    """An interface with one input, `x`."""
    spec = TensorSpec(name="x", datatype=kind, shape=shape or (1,))
    return Interface(inputs=(spec,), outputs=(spec,))


def column(kind: DataType, *values: object, shape: tuple[int, ...] = (1,)) -> Tensor:
    """What rows of one column become."""
    return request_of([{"x": value} for value in values], of(kind, *shape)).inputs[0]


@given(interface=interfaces, rows=st.integers(0, 4))
def test_a_generated_request_is_one_that_the_interface_takes(interface: Interface, rows: int) -> None:
    assert refusals(generated(interface, rows), interface) == []


@given(interface=interfaces)
def test_the_same_seed_makes_the_same_request(interface: Interface) -> None:
    assert generated(interface, 2, seed=7) == generated(interface, 2, seed=7)


def test_another_seed_makes_another_request() -> None:
    interface = of(DataType.FP64, 8)
    assert generated(interface, seed=1) != generated(interface, seed=2)


@given(kind=st.sampled_from(list(DataType)), values=st.lists(VALUES, min_size=1, max_size=4))
def test_whatever_stands_in_a_row_becomes_an_element_that_fits(kind: DataType, values: list[object]) -> None:
    found = column(kind, *values)
    assert [element for element in found.data if not kind.fits(element)] == []


@given(kind=st.sampled_from(list(DataType)), values=st.lists(VALUES, min_size=1, max_size=4))
def test_rows_make_a_request_that_the_interface_takes(kind: DataType, values: list[object]) -> None:
    request = request_of([{"x": value} for value in values], of(kind))
    assert refusals(request, of(kind)) == []


@pytest.mark.parametrize(
    ("kind", "value", "element"),
    [
        (DataType.FP32, None, "nan"), (DataType.FP32, "text", "nan"), (DataType.FP64, 10**400, "nan"),
        (DataType.FP32, 3, "3.0"), (DataType.INT32, None, "0"), (DataType.INT32, math.inf, "0"),
        (DataType.INT32, 2.9, "2"), (DataType.UINT8, 256, "0"), (DataType.BYTES, None, "''"),
        (DataType.BYTES, 7, "'7'"), (DataType.BOOL, None, "False"), (DataType.BOOL, 1, "True"),
    ],
)  # fmt: skip
def test_a_value_becomes_an_element(kind: DataType, value: object, element: str) -> None:
    assert repr(column(kind, value).data[0]) == element


def test_lists_are_taken_apart_into_the_dimension_of_any_size() -> None:
    found = column(DataType.INT8, [[1, 2], [3, 4], [5, 6]], shape=(-1, 2))
    assert (found.shape, found.data) == ((1, 3, 2), (1, 2, 3, 4, 5, 6))


def test_a_column_that_a_row_has_not_is_filled() -> None:
    request = request_of([{}], of(DataType.BYTES))
    assert request.inputs[0].data == ("",)


def test_rows_of_an_interface_without_rows_fill_its_first_dimension() -> None:
    spec = TensorSpec(name="x", datatype=DataType.INT8, shape=(-1, 2))
    interface = Interface(inputs=(spec,), outputs=(spec,), batched=False)
    assert request_of([{"x": [1, 2]}, {"x": [3, 4]}], interface).inputs[0].shape == (2, 2)


def test_a_tensor_without_rows_is_that_of_the_first_row() -> None:
    spec = TensorSpec(name="x", datatype=DataType.INT8, shape=(2,))
    interface = Interface(inputs=(spec,), outputs=(spec,), batched=False)
    found = request_of([{"x": [1, 2]}, {"x": [3, 4]}], interface).inputs[0]
    assert (found.shape, found.data) == ((2,), (1, 2))


def test_the_id_is_that_of_the_request() -> None:
    assert request_of([], of(DataType.INT8), id="7") == InferenceRequest(
        inputs=(Tensor(name="x", datatype=DataType.INT8, shape=(0, 1), data=()),), id="7"
    )


def test_recorded_rows_are_those_of_the_example(tmp_path: Path) -> None:
    (tmp_path / EXAMPLE_FILE).write_text(json.dumps({"columns": ["a", "b"], "data": [[1, "x"], [2, None]]}))
    assert recorded_rows(tmp_path) == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]


@pytest.mark.parametrize(
    "text",
    [
        b"", b"7", b"[]", b"null", b"{}", b"\xff\xfe", b'{"columns": ["a"]}', b'{"columns": ["a"], "data": 7}',
        b'{"columns": ["a"], "data": [7]}', b'{"columns": ["a"], "data": [[1, 2]]}',
        b'{"columns": [["a"]], "data": [[1]]}',
        b'{"columns": 7, "data": [[1]]}', b"[" * 100_000, b'{"columns": ["a"], "data": [[1' + b"0" * 5000 + b"]]}",
    ],
    ids=lambda text: str(text[:50]),
)  # fmt: skip
def test_an_example_that_cannot_be_read_is_none(tmp_path: Path, text: bytes) -> None:
    (tmp_path / EXAMPLE_FILE).write_bytes(text)
    assert recorded_rows(tmp_path) == []


def test_a_folder_without_an_example_has_none(tmp_path: Path) -> None:
    assert recorded_rows(tmp_path) == []


def test_an_example_of_more_than_ten_megabytes_is_none(tmp_path: Path) -> None:
    (tmp_path / EXAMPLE_FILE).write_text(json.dumps({"columns": ["a"], "data": [["x" * EXAMPLE_BYTES]]}))
    assert recorded_rows(tmp_path) == []
