"""Columns of Parquet as tensors and back: every type, what is missing, what cannot be."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest

from cmcore.inference.datatype import DataType
from cmcore.inference.interface import Interface
from cmcore.inference.tensor import TensorSpec
from cmcore_models.batch.columns import column_of, faulty, output_schema, refused_types, tensor_of
from cmcore_models.errors import BatchError


def spec(datatype: str, *shape: int, name: str = "x", optional: bool = False) -> TensorSpec:
    return TensorSpec(name=name, datatype=DataType(datatype), shape=shape, optional=optional)


NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)
FITTING = [
    (pa.array([1, None], pa.int32()), spec("FP64", 1), [[1.0], [np.nan]]),
    (pa.array([True, False]), spec("FP32", 1), [[1.0], [0.0]]),
    (pa.array([NOON, None], pa.timestamp("ns", "UTC")), spec("FP64", 1), [[NOON.timestamp()], [np.nan]]),
    (pa.array([date(1970, 1, 2)]), spec("FP64"), [86_400.0]),
    (pa.array([1.5, np.nan], pa.float16()), spec("FP16", 1), [[1.5], [np.nan]]),
    (pa.array([1, None]).cast(pa.decimal128(21, 2)), spec("FP64"), [1.0, np.nan]),
    (pa.array(["a", None]), spec("BYTES", 1), [["a"], [""]]),
    (pa.array(["a", "b", "a"]).dictionary_encode(), spec("BYTES"), ["a", "b", "a"]),
    (pa.array([b"\xff", None]), spec("BYTES"), [b"\xff", b""]),
    (pa.array([7, None]), spec("BYTES"), ["7", ""]),
    (pa.array([2**63 - 1, -(2**63)]), spec("INT64", 1), [[2**63 - 1], [-(2**63)]]),
    (pa.array([2**64 - 1], pa.uint64()), spec("UINT64"), [2**64 - 1]),
    (pa.array([3.0, -1.0]), spec("INT8"), [3, -1]),
    (pa.array([True, False]), spec("BOOL", 1), [[True], [False]]),
    (pa.array([[1.0, 2.0], [3.0, None]]), spec("FP32", 2), [[1.0, 2.0], [3.0, np.nan]]),
    (pa.array([[1, 2, 3, 4]]), spec("INT64", 2, 2), [[[1, 2], [3, 4]]]),
    (pa.array([[[1, 2], [3, 4]]]), spec("INT64", 2, 2), [[[1, 2], [3, 4]]]),
    (pa.array([[1, 2]], pa.list_(pa.int64(), 2)), spec("INT64", 2), [[1, 2]]),
    (pa.array([["a"], ["b"]]), spec("BYTES", -1), [["a"], ["b"]]),
    (pa.array([[9.0], [1.0, 2.0], [3.0, 4.0]])[1:], spec("FP64", -1), [[1.0, 2.0], [3.0, 4.0]]),
    (pa.nulls(2), spec("FP32", 1), [[np.nan], [np.nan]]),
]


@pytest.mark.parametrize(("values", "wanted", "expected"), FITTING)
def test_a_column_is_the_tensor_that_it_can_be(values: pa.Array, wanted: TensorSpec, expected: list[object]) -> None:
    found, bad = tensor_of(values, wanted)
    np.testing.assert_array_equal(found, np.array(expected, dtype=found.dtype))
    assert not bad.any()


ODD = [
    (pa.array([1, None, 3]), spec("INT64", 1), [False, True, False]),
    (pa.array([1, 128, -129]), spec("INT8"), [False, True, True]),
    (pa.array([1.0, 1.5, np.nan, np.inf, 2.0**63]), spec("INT64"), [False, True, True, True, True]),
    (pa.array([-1, 0]), spec("UINT64"), [True, False]),
    (pa.array([2**63, 2**63 - 1], pa.uint64()), spec("INT64"), [True, False]),
    (pa.array([True, None]), spec("BOOL"), [False, True]),
    (pa.array([[1.0, 2.0], [3.0], None, []]), spec("FP64", 2), [False, True, True, True]),
    (pa.array([[1, None], [3, 4]]), spec("INT64", 2), [True, False]),
    (pa.array([[1.0, 2.0], [3.0, 4.0], [5.0]]), spec("FP64", -1), [False, False, True]),
]


@pytest.mark.parametrize(("values", "wanted", "expected"), ODD)
def test_rows_that_cannot_be_in_the_tensor_are_told(values: pa.Array, wanted: TensorSpec, expected: list[bool]) -> None:
    found, bad = tensor_of(values, wanted)
    assert (bad.tolist(), len(found)) == (expected, len(values))


def interface(*inputs: TensorSpec, outputs: tuple[TensorSpec, ...] = ()) -> Interface:
    return Interface(inputs=inputs, outputs=outputs or (spec("FP32", 1, name="y"),))


REFUSED = [
    (pa.string(), spec("FP32", 1), "is of string, and the model reads FP32"),
    (pa.float64(), spec("BYTES", 1), "is of double, and the model reads BYTES"),
    (pa.int64(), spec("BOOL", 1), "is of int64, and the model reads BOOL"),
    (pa.list_(pa.float64()), spec("FP64", 1), "is of list"),
    (pa.float64(), spec("FP64", 3), "the model reads FP64 [3]"),
    (pa.duration("s"), spec("FP64", 1), "is of duration[s]"),
]


@pytest.mark.parametrize(("kind", "wanted", "told"), REFUSED)
def test_a_column_of_another_kind_is_refused(kind: pa.DataType, wanted: TensorSpec, told: str) -> None:
    (problem,) = refused_types(pa.schema([("x", kind)]), interface(wanted))
    assert told in problem


def test_a_column_that_is_not_there_is_refused_unless_it_is_optional() -> None:
    wanted = interface(spec("FP32", 1), spec("FP32", 1, name="z", optional=True))
    (problem,) = refused_types(pa.schema([("a", pa.int8())]), wanted)
    assert problem == "there is no column 'x', which the model reads; columns: a"


def test_an_answer_cannot_have_the_name_of_a_column_that_is_kept() -> None:
    with pytest.raises(BatchError, match="the columns y are answers of the model"):
        output_schema(interface(spec("FP32", 1)), [pa.field("y", pa.int8())])


BACK = [
    (np.array([[1.5], [2.5]], dtype=np.float32), spec("FP32", 1), [1.5, None, 2.5]),
    (np.array(["a", b"b"], dtype=object), spec("BYTES"), ["a", None, "b"]),
    (np.array([[1, 2], [3, 4]]), spec("INT64", 2), [[1, 2], None, [3, 4]]),
    (np.arange(8).reshape(2, 2, 2), spec("INT64", -1, 2), [[[0, 1], [2, 3]], None, [[4, 5], [6, 7]]]),
    (np.array([True, False]), spec("BOOL"), [True, None, False]),
]


@pytest.mark.parametrize(("array", "wanted", "expected"), BACK)
def test_answers_become_a_column_with_nulls_for_the_bad_rows(
    array: np.ndarray, wanted: TensorSpec, expected: list[object]
) -> None:
    column = column_of(array, wanted, np.array([True, False, True]))
    assert column.to_pylist() == expected
    assert column.type == output_schema(interface(outputs=(wanted,)), []).field(wanted.name).type


def test_answers_that_are_no_numbers_are_bad() -> None:
    bad = faulty({"y": np.array([[1.0], [np.nan], [np.inf]], dtype=np.float32)}, interface(), 3)
    assert bad.tolist() == [False, True, True]


@pytest.mark.parametrize(("shape", "told"), [((3, 2), r"\[3, 2\], and \[3, 1\]"), ((2, 1), r"\[2, 1\], and \[3, 1\]")])
def test_answers_of_another_shape_are_refused(shape: tuple[int, int], told: str) -> None:
    with pytest.raises(BatchError, match=told):
        faulty({"y": np.zeros(shape, dtype=np.float32)}, interface(), 3)
