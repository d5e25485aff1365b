"""Elements and arrays: JSON values, raw bytes and NumPy, each strictly. BYTES are arrays of `bytes` (dtype object)."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import cast

import numpy

from cmcore.inference.datatype import DataType
from cmcore.inference.request import flat
from cmcore_ray.codec.refusal import RefusalError

Array = numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.generic]]
Shape = tuple[int, ...]
DTYPES: Mapping[DataType, numpy.dtype[numpy.generic]] = {
    kind: numpy.dtype(name)
    for kind, name in {
        DataType.BOOL: "?", DataType.UINT8: "u1", DataType.UINT16: "<u2", DataType.UINT32: "<u4",
        DataType.UINT64: "<u8", DataType.INT8: "i1", DataType.INT16: "<i2", DataType.INT32: "<i4",
        DataType.INT64: "<i8", DataType.FP16: "<f2", DataType.FP32: "<f4", DataType.FP64: "<f8", DataType.BYTES: "O",
    }.items()
}  # fmt: skip
LENGTH = struct.Struct("<I")


def from_elements(name: str, kind: DataType, shape: Shape, elements: Sequence[object]) -> Array:
    """The array of JSON values; whole numbers may stand for floats, nothing else for anything else. Raises
    RefusalError."""
    if math.prod(shape) != len(elements):
        raise RefusalError(f"input {name!r} has {len(elements)} elements, and its shape {list(shape)} another number")
    kinds = set(map(type, elements))
    if not kinds <= accepted(kind):
        odd = next(element for element in elements if type(element) not in accepted(kind))
        raise RefusalError(f"input {name!r} is of {kind} and holds {odd!r}")
    if kind is DataType.BYTES:
        return of_bytes([encoded(name, str(element)) for element in elements], shape)
    if kind.is_float:
        with numpy.errstate(over="ignore"):  # what is too large becomes infinite, as in Triton
            return as_floats(name, elements).astype(DTYPES[kind]).reshape(shape)
    if kind is not DataType.BOOL and elements:
        check_bounds(name, kind, cast("Sequence[int]", elements))
    return numpy.array(elements, dtype=DTYPES[kind]).reshape(shape)


def accepted(kind: DataType) -> set[type]:
    """The types of JSON values that can be elements."""
    if kind is DataType.BOOL:
        return {bool}
    if kind is DataType.BYTES:
        return {str}
    return {int, float} if kind.is_float else {int}


def as_floats(name: str, elements: Sequence[object]) -> Array:
    """Numbers at the precision of JSON."""
    try:
        return numpy.array(elements, dtype=numpy.float64)
    except OverflowError as error:
        raise RefusalError(f"input {name!r} holds a number that no float can be") from error


def check_bounds(name: str, kind: DataType, elements: Sequence[int]) -> None:
    """Raises RefusalError for what the integer type cannot hold; Triton wraps around."""
    least, greatest = kind.bounds
    for odd in (min(elements), max(elements)):
        if not least <= odd <= greatest:
            raise RefusalError(f"input {name!r} is of {kind} and holds {odd}")


def encoded(name: str, text: str) -> bytes:
    """A text as UTF-8; raises RefusalError for half of a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise RefusalError(f"input {name!r} holds a text that is no Unicode") from error


def of_bytes(elements: Sequence[bytes], shape: Shape) -> Array:
    """An array of BYTES."""
    array = numpy.empty(len(elements), dtype=object)
    array[:] = elements
    return cast(Array, array.reshape(shape))


def flattened(data: object) -> list[object] | None:
    """The elements of nested lists, however they nest; None where it is no list."""
    if not isinstance(data, list):
        return None
    level: list[object] = data
    while level and type(level[0]) is list:
        if not all(type(each) is list for each in level):
            return list(flat(level))
        level = list(chain.from_iterable(cast("list[list[object]]", level)))
    return list(flat(level)) if list in set(map(type, level)) else level


def from_raw(name: str, kind: DataType, shape: Shape, raw: bytes | memoryview) -> Array:
    """The array of raw little-endian elements, BYTES each with its length before it; raises RefusalError."""
    size = math.prod(shape)
    if kind is DataType.BYTES:
        return of_bytes(split_bytes(name, raw, size), shape)
    expected = size * DTYPES[kind].itemsize
    if expected != len(raw):
        raise RefusalError(f"input {name!r} has {len(raw)} bytes, and its shape {list(shape)} {expected}")
    array = numpy.frombuffer(raw, dtype=numpy.uint8 if kind is DataType.BOOL else DTYPES[kind])
    if kind is DataType.BOOL:
        return cast(Array, (array != 0).reshape(shape))
    return cast(Array, array.reshape(shape).copy())  # the predictor may write to its inputs


def split_bytes(name: str, raw: bytes | memoryview, size: int) -> list[bytes]:
    """As many elements as are asked for, and not a byte more."""
    found, at = [], 0
    while at < len(raw):
        if at + LENGTH.size > len(raw):
            raise RefusalError(f"input {name!r} ends within the length of an element")
        (length,) = LENGTH.unpack_from(raw, at)
        at += LENGTH.size + length
        if at > len(raw):
            raise RefusalError(f"input {name!r} has an element of {length} bytes and ends before it does")
        found.append(bytes(raw[at - length : at]))
    if len(found) != size:
        raise RefusalError(f"input {name!r} has {len(found)} elements, and its shape asks for {size}")
    return found


def to_raw(array: Array) -> bytes:
    """Raw little-endian elements, BYTES each with its length before it."""
    if array.dtype.kind != "O":
        return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    parts = [bytes_of(element) for element in array.ravel()]
    return b"".join(chain.from_iterable((LENGTH.pack(len(part)), part) for part in parts))


def to_elements(array: Array) -> list[object]:
    """JSON values in row-major order; BYTES that are no UTF-8 keep their bytes as lone surrogates."""
    if array.dtype.kind != "O":
        return cast("list[object]", array.ravel().tolist())
    return [bytes_of(element).decode("utf-8", "surrogateescape") for element in array.ravel()]


def bytes_of(element: object) -> bytes:
    """An element of an array of BYTES."""
    return bytes(element) if isinstance(element, bytes | bytearray) else str(element).encode("utf-8", "surrogateescape")
