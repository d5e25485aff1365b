"""Rows that people give: what is a request, and what is an error with its row and column."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import UsageError
from cmcore.inference.datatype import DataType
from cmcore.inference.interface import Interface
from cmcore.inference.strict import extra_columns, strict_request
from cmcore.inference.tensor import TensorSpec

COLUMNS = Interface(
    inputs=(
        TensorSpec(name="size", datatype=DataType.FP64, shape=(1,)),
        TensorSpec(name="count", datatype=DataType.INT32, shape=(1,)),
        TensorSpec(name="name", datatype=DataType.BYTES, shape=(1,)),
        TensorSpec(name="open", datatype=DataType.BOOL, shape=(1,), optional=True),
    ),
    outputs=(),
)
ROW = {"size": 1.5, "count": 2, "name": "x", "open": True}


def one(datatype: DataType, *shape: int, batched: bool = True) -> Interface:
    """An interface of one input."""
    return Interface(inputs=(TensorSpec(name="v", datatype=datatype, shape=shape),), outputs=(), batched=batched)


def test_every_column_is_a_tensor_of_rows() -> None:
    request = strict_request([ROW, {**ROW, "size": 2}], COLUMNS, id="q")
    assert [(it.name, it.shape, it.data) for it in request.inputs] == [
        ("size", (2, 1), (1.5, 2.0)),
        ("count", (2, 1), (2, 2)),
        ("name", (2, 1), ("x", "x")),
        ("open", (2, 1), (True, True)),
    ]


def test_an_optional_column_may_be_left_out_of_all_rows() -> None:
    row = {name: value for name, value in ROW.items() if name != "open"}
    assert [it.name for it in strict_request([row], COLUMNS).inputs] == ["size", "count", "name"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"size": "1.5"}, "row 1, column 'size': '1.5' is no FP64"),
        ({"size": True}, "row 1, column 'size': True is no FP64"),
        ({"count": 2.0}, "row 1, column 'count': 2.0 is no INT32"),
        ({"count": 2**31}, "row 1, column 'count': 2147483648 is no INT32"),
        ({"count": None}, "row 1, column 'count': null is no INT32"),
        ({"name": None}, "row 1, column 'name': null is no BYTES"),
        ({"name": 3}, "row 1, column 'name': 3 is no BYTES"),
        ({"open": 1}, "row 1, column 'open': 1 is no BOOL"),
        ({"size": [1.0, 2.0]}, "row 1, column 'size': 2 elements; it takes 1"),
    ],
)
def test_a_value_that_is_none_of_its_columns_type_is_an_error(changes: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError) as error:
        strict_request([{**ROW, **changes}], COLUMNS)
    assert told in str(error.value)


def test_columns_that_the_model_does_not_have_are_left_out() -> None:
    assert strict_request([{**ROW, "shut": 1}], COLUMNS) == strict_request([ROW], COLUMNS)


def test_columns_that_the_model_does_not_have_are_named_once_each() -> None:
    assert extra_columns([{**ROW, "shut": 1}, {"far": 2, **ROW, "shut": 3}], COLUMNS) == ["shut", "far"]


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(UsageError) as error:
        strict_request([ROW, {"size": "a", "count": 1}], COLUMNS)
    assert [line.split(":")[0].strip() for line in str(error.value).splitlines()[1:]] == [
        "row 2, column 'size'", "row 2, column 'name'", "row 2, column 'open'",
    ]  # fmt: skip


def test_null_is_a_missing_number_in_a_column_of_floats() -> None:
    value = strict_request([{**ROW, "size": None}], COLUMNS).inputs[0].data[0]
    assert math.isnan(float(value))


@pytest.mark.parametrize(
    ("text", "datatype", "value"),
    [
        ("1.5", DataType.FP32, 1.5),
        (" 2 ", DataType.INT64, 2),
        ("", DataType.BYTES, ""),
        ("007", DataType.BYTES, "007"),
        ("True", DataType.BOOL, True),
        ("false", DataType.BOOL, False),
    ],
)
def test_a_text_of_csv_is_read_as_its_columns_type(text: str, datatype: DataType, value: object) -> None:
    assert strict_request([{"v": text}], one(datatype, 1), texts=True).inputs[0].data == (value,)


@pytest.mark.parametrize(
    ("text", "datatype"),
    [("x", DataType.FP32), ("2.5", DataType.INT64), ("", DataType.INT64), ("yes", DataType.BOOL)],
)
def test_a_text_of_csv_that_is_none_of_its_columns_type_is_an_error(text: str, datatype: DataType) -> None:
    with pytest.raises(UsageError, match="row 1, column 'v'"):
        strict_request([{"v": text}], one(datatype, 1), texts=True)


def test_nested_lists_become_a_tensor_of_the_models_shape() -> None:
    tensor = strict_request([{"v": [[1, 2], [3, 4]]}], one(DataType.INT64, 2, 2)).inputs[0]
    assert (tensor.shape, tensor.data) == ((1, 2, 2), (1, 2, 3, 4))


def test_a_dimension_of_any_size_takes_what_is_given() -> None:
    assert strict_request([{"v": [1.0, 2.0, 3.0]}], one(DataType.FP32, -1)).inputs[0].shape == (1, 3)


@pytest.mark.parametrize("second", [[], [3.0]])
def test_rows_of_different_sizes_are_an_error(second: list[float]) -> None:
    with pytest.raises(UsageError, match=f"row 2, column 'v': {len(second)} elements; it takes 2"):
        strict_request([{"v": [1.0, 2.0]}, {"v": second}], one(DataType.FP32, -1))


def test_a_model_without_batches_takes_one_row_as_it_is() -> None:
    assert strict_request([{"v": [1.0, 2.0]}], one(DataType.FP32, 2, batched=False)).inputs[0].shape == (2,)


@pytest.mark.parametrize("rows", [[], [{"v": [1.0, 2.0]}, {"v": [1.0, 2.0]}]])
def test_a_number_of_rows_that_the_model_does_not_take_is_an_error(rows: list[dict[str, object]]) -> None:
    with pytest.raises(UsageError, match="row"):
        strict_request(rows, one(DataType.FP32, 2, batched=False))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["v", "w"]), JSON), max_size=3), datatype=st.sampled_from(DataType)
)
def test_whatever_is_given_is_a_whole_request_or_an_error(rows: list[dict[str, object]], datatype: DataType) -> None:
    try:
        tensors = strict_request(rows, one(datatype, -1)).inputs
    except UsageError:
        tensors = ()
    assert [it.size for it in tensors] == [len(it.data) for it in tensors]
