"""Tensors become arrays and come back as they were."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given

from cmcore.inference.arrays import array_of, tensor_of
from cmcore.inference.datatype import DataType
from cmcore.inference.tensor import Tensor
from tests.unit.inference.drawn import tensors


@given(tensor=tensors())
def test_a_tensor_comes_back_from_its_array_as_it_was(tensor: Tensor) -> None:
    assert repr(tensor_of(tensor.name, array_of(tensor))) == repr(tensor)


def test_texts_are_bytes_in_an_array() -> None:
    tensor = Tensor(name="x", datatype=DataType.BYTES, shape=(1,), data=("Zürich",))
    assert array_of(tensor).tolist() == ["Zürich".encode()]


@pytest.mark.parametrize(
    "array", [numpy.array(["a", "b"]), numpy.array([b"a", b"b"]), numpy.array(["a", b"b"], dtype=object)]
)
def test_an_array_of_texts_of_any_kind_is_bytes(array: numpy.ndarray[tuple[int], numpy.dtype[numpy.generic]]) -> None:
    assert tensor_of("x", array).data == ("a", "b")


def test_elements_that_the_protocol_has_no_type_for_are_refused() -> None:
    with pytest.raises(KeyError):
        tensor_of("x", numpy.array([1j]))
