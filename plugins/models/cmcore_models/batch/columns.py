"""Columns of Parquet as a model's tensors, and its answers as columns. Which row cannot be one is said row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cmcore.inference.datatype import DataType
from cmcore.inference.interface import Interface
from cmcore.inference.tensor import ANY, TensorSpec
from cmcore_models.errors import BatchError

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
NUMPY = {
    DataType.BOOL: np.bool_, DataType.UINT8: np.uint8, DataType.UINT16: np.uint16, DataType.UINT32: np.uint32,
    DataType.UINT64: np.uint64, DataType.INT8: np.int8, DataType.INT16: np.int16, DataType.INT32: np.int32,
    DataType.INT64: np.int64, DataType.FP16: np.float16, DataType.FP32: np.float32, DataType.FP64: np.float64,
}  # fmt: skip
ARROW = {**{kind: pa.from_numpy_dtype(dtype) for kind, dtype in NUMPY.items()}, DataType.BYTES: pa.string()}


def refused_types(schema: pa.Schema, interface: Interface) -> Iterator[str]:
    """Why the columns of a file cannot be the model's inputs, whatever rows it has."""
    for spec in interface.inputs:
        index = schema.get_field_index(spec.name)
        if index < 0:
            if not spec.optional:
                there = ", ".join(schema.names)
                yield f"there is no column {spec.name!r}, which the model reads; columns: {there}"
        elif not can_be(element_type(schema.field(index).type, spec), spec.datatype):
            found = schema.field(index).type
            yield f"column {spec.name!r} is of {found}, and the model reads {spec.datatype} {list(spec.shape)}"


def element_type(kind: pa.DataType, spec: TensorSpec) -> pa.DataType | None:
    """The type of a column's elements; None where it has lists and the model scalars, or the other way round."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    depth = 0
    while is_list(kind):
        kind, depth = kind.value_type, depth + 1
    return kind if (depth > 0) == (not is_column(spec)) else None


def is_column(spec: TensorSpec) -> bool:
    """Whether a tensor has one element per row."""
    return spec.shape in ((), (1,))


def is_list(kind: pa.DataType) -> bool:
    """Whether a type is one of lists."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def can_be(kind: pa.DataType | None, datatype: DataType) -> bool:
    """Whether elements of a column can be elements of a tensor without changing what they mean."""
    if kind is None or pa.types.is_null(kind):
        return kind is not None
    whole = pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    match datatype:
        case DataType.BOOL:
            return bool(pa.types.is_boolean(kind))
        case DataType.BYTES:
            return bool(whole or is_text(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
        case _ if datatype.is_float:
            moment = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
            return bool(whole or moment or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
        case _:
            return bool(whole or pa.types.is_floating(kind))


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is one of texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def tensor_of(column: pa.Array, spec: TensorSpec) -> tuple[Array, Mask]:
    """The tensor that a column's rows make, and which rows cannot be in it; those hold a neutral value.

    A missing float is NaN and a missing text is empty; nothing stands for the others. Datetimes are seconds since 1970.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if is_column(spec):
        values, bad = elements(column, spec.datatype)
        return values.reshape((len(column), *spec.shape)), bad
    offsets, leaves = leaves_of(column)
    sizes = np.diff(offsets)
    shape = row_shape(spec, sizes)
    size, odd = prod(shape), cast("Mask", sizes != prod(shape))
    values, wrong = elements(leaves, spec.datatype)
    places = offsets[:-1, None] + np.arange(size)
    places[odd] = 0
    padded = values if len(values) else np.zeros(1, dtype=values.dtype)
    bad = odd | (wrong[places].any(axis=1) if len(wrong) and size else odd)
    return padded[places].reshape((len(column), *shape)), bad


def row_shape(spec: TensorSpec, sizes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[int, ...]:
    """The shape of one row, where a dimension may be open: then that of most rows."""
    if ANY not in spec.shape:
        return spec.shape
    if spec.shape.count(ANY) > 1:
        raise BatchError(f"input {spec.name!r} has {spec.shape.count(ANY)} open dimensions; Parquet's lists say one")
    known = prod(size for size in spec.shape if size != ANY)
    usual = int(np.bincount(sizes).argmax()) if len(sizes) else 0
    return tuple(usual // known if size == ANY else size for size in spec.shape)


def leaves_of(column: pa.Array) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], pa.Array]:
    """The elements of nested lists, and where those of each row begin; a missing list has none."""
    offsets = np.arange(len(column) + 1, dtype=np.int64)
    while is_list(column.type):
        if pa.types.is_fixed_size_list(column.type):
            column = column.cast(pa.list_(column.type.value_type))
        own = column.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        offsets, column = own[offsets], column.values
    return offsets, column


def elements(values: pa.Array, datatype: DataType) -> tuple[Array, Mask]:
    """Elements as NumPy has them, and which of them are none of the type."""
    if pa.types.is_null(values.type):
        values = values.cast(ARROW[datatype])
    nothing = np.zeros(len(values), dtype=np.bool_)
    if datatype is DataType.BYTES:
        if (
            not is_text(values.type)
            and not pa.types.is_binary(values.type)
            and not pa.types.is_large_binary(values.type)
        ):
            values = values.cast(pa.string())
        empty = "" if is_text(values.type) else b""
        return values.fill_null(empty).to_numpy(zero_copy_only=False), nothing
    if datatype.is_float:
        return floats(values).astype(NUMPY[datatype]), nothing
    absent = values.is_null().to_numpy(zero_copy_only=False)
    if datatype is DataType.BOOL:
        return values.fill_null(False).to_numpy(zero_copy_only=False), absent
    return integers(values, datatype, absent)


def floats(values: pa.Array) -> Array:
    """Numbers and datetimes as 64-bit floats, NaN where there is none."""
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        moments = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).cast(pa.float64(), safe=False)
        values = pc.divide(moments, 1e6)
    kept = pa.float32() if pa.types.is_float16(values.type) else pa.float64()
    return cast("Array", values.cast(kept, safe=False).fill_null(float("nan")).to_numpy(zero_copy_only=False))


def integers(values: pa.Array, datatype: DataType, absent: Mask) -> tuple[Array, Mask]:
    """Whole numbers within the type's bounds."""
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    found = values.fill_null(0).to_numpy(zero_copy_only=False)
    odd = absent | outside(found, *datatype.bounds)
    with np.errstate(invalid="ignore"):
        return np.where(odd, 0, found).astype(NUMPY[datatype]), odd


def outside(found: Array, least: int, greatest: int) -> Mask:
    """Which numbers are no whole ones from `least` to `greatest`; each compared in its own type, none rounded."""
    if found.dtype.kind == "u":
        return cast("Mask", found > np.uint64(greatest))
    if found.dtype.kind == "i":
        return cast("Mask", (found < np.int64(least)) | (found > np.int64(min(greatest, 2**63 - 1))))
    numbers = found.astype(np.float64, copy=False)
    within = (numbers >= float(least)) & (numbers < float(greatest + 1))
    return cast("Mask", ~within | (numbers != np.floor(numbers)))


def output_schema(interface: Interface, kept: list[pa.Field]) -> pa.Schema:
    """The columns of the predictions: those that are kept, then the answers; raises BatchError for a name twice."""
    names = [field.name for field in kept]
    if twice := [spec.name for spec in interface.outputs if spec.name in names]:
        raise BatchError(f"the columns {', '.join(twice)} are answers of the model; they cannot be kept from the input")
    return pa.schema([*(field.with_nullable(True) for field in kept), *map(output_field, interface.outputs)])


def output_field(spec: TensorSpec) -> pa.Field:
    """The column of one output; more than one element per row are nested lists."""
    kind = ARROW[spec.datatype]
    for _ in () if is_column(spec) else spec.shape:
        kind = pa.list_(kind)
    return pa.field(spec.name, kind)


def faulty(answers: Mapping[str, Array], interface: Interface, rows: int) -> Mask:
    """Which rows have an answer that is no number; raises BatchError where an answer is not what is promised."""
    bad = np.zeros(rows, dtype=np.bool_)
    for spec in interface.outputs:
        array = answers.get(spec.name)
        if array is None:
            raise BatchError(f"the model gave no output {spec.name!r}; it gave {', '.join(answers) or 'none'}")
        if array.shape[:1] != (rows,) or not spec.takes(array.shape[1:]):
            found, asked = list(array.shape), [rows, *spec.shape]
            raise BatchError(f"output {spec.name!r} has the shape {found}, and {asked} is promised")
        if spec.datatype.is_float:
            bad |= ~np.isfinite(array.astype(np.float64)).reshape(rows, -1).all(axis=1)
    return bad


def column_of(array: Array, spec: TensorSpec, good: Mask) -> pa.Array:
    """Answers of the good rows as a column of all rows, null for the others."""
    kind, field = ARROW[spec.datatype], output_field(spec).type
    values = array.reshape(-1)
    if spec.datatype is DataType.BYTES:
        column = pa.array([it.decode() if isinstance(it, bytes) else it for it in values], type=kind)
    else:
        column = pa.array(values.astype(NUMPY[spec.datatype], copy=False), type=kind)
    for size in () if is_column(spec) else reversed(array.shape[1:]):
        column = pa.ListArray.from_arrays(pa.array(np.arange(0, len(column) + 1, max(size, 1)), pa.int32()), column)
    if good.all():
        return column.cast(field)
    places = np.where(good, np.cumsum(good) - 1, 0)
    return column.take(pa.array(places, mask=~good)).cast(field) if len(column) else pa.nulls(len(good), field)
