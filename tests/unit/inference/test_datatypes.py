"""The datatypes of the protocol: what fits in them, and what MLflow and NumPy call them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import UsageError
from cmcore.inference.datatype import MLFLOW, NUMPY, DataType

INTEGERS = [kind for kind in DataType if "INT" in kind]
OTHERS = [kind for kind in DataType if kind not in INTEGERS]
FLOATS = [DataType.FP16, DataType.FP32, DataType.FP64]


@pytest.mark.parametrize(
    ("kind", "bounds"),
    [
        (DataType.UINT8, (0, 255)),
        (DataType.INT8, (-128, 127)),
        (DataType.UINT64, (0, 18_446_744_073_709_551_615)),
        (DataType.INT64, (-9_223_372_036_854_775_808, 9_223_372_036_854_775_807)),
    ],
)
def test_an_integer_type_has_its_bounds(kind: DataType, bounds: tuple[int, int]) -> None:
    assert kind.bounds == bounds


@pytest.mark.parametrize("kind", OTHERS)
def test_other_types_have_no_bounds(kind: DataType) -> None:
    with pytest.raises(UsageError, match="no integer type"):
        _ = kind.bounds


@given(kind=st.sampled_from(INTEGERS), value=st.integers())
def test_an_integer_fits_within_the_bounds_and_nowhere_else(kind: DataType, value: int) -> None:
    least, greatest = kind.bounds
    assert kind.fits(value) == (least <= value <= greatest)


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("value", [1.0, True, "1", None, math.nan, [1]])
def test_an_integer_type_takes_nothing_else(kind: DataType, value: object) -> None:
    assert not kind.fits(value)


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("value", [0, -1, 0.5, math.nan, math.inf, -math.inf, -0.0])
def test_a_float_type_takes_numbers_nan_and_infinity(kind: DataType, value: float) -> None:
    assert kind.fits(value)


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("value", [True, "0.5", None, 10**400, -(10**400), [0.5]], ids=str)
def test_a_float_type_takes_nothing_else_and_no_number_beyond_it(kind: DataType, value: object) -> None:
    assert not kind.fits(value)


@pytest.mark.parametrize(
    ("kind", "value"), [(DataType.FP16, 65_505.0), (DataType.FP16, 70_000), (DataType.FP32, 3.5e38)]
)
def test_a_number_beyond_a_float_type_does_not_fit(kind: DataType, value: float) -> None:
    assert not kind.fits(value)


@given(value=st.one_of(st.none(), st.integers(), st.floats(), st.lists(st.text()), st.text()))
def test_only_texts_are_bytes(value: object) -> None:
    assert DataType.BYTES.fits(value) == isinstance(value, str)


@given(value=st.one_of(st.none(), st.booleans(), st.integers(), st.text()))
def test_only_booleans_are_bool(value: object) -> None:
    assert DataType.BOOL.fits(value) == isinstance(value, bool)


@pytest.mark.parametrize("kind", list(DataType))
def test_every_type_has_a_name_in_numpy(kind: DataType) -> None:
    assert kind in NUMPY.values()


@pytest.mark.parametrize("name", ["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"])
def test_every_column_type_of_mlflow_has_a_datatype(name: str) -> None:
    assert MLFLOW[name] in DataType


def test_only_the_types_that_begin_with_fp_are_floats() -> None:
    assert [kind for kind in DataType if kind.is_float] == FLOATS
