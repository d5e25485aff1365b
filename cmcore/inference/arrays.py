"""Tensors as NumPy arrays and back, for predictors, servers and backends. The core itself has no need of NumPy.

So nothing in `cmcore.inference` imports this module.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy

from cmcore.inference.datatype import DataType
from cmcore.inference.tensor import Tensor

Array = numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.generic]]
DTYPES: Mapping[DataType, str] = {
    DataType.BOOL: "bool", DataType.UINT8: "uint8", DataType.UINT16: "uint16", DataType.UINT32: "uint32",
    DataType.UINT64: "uint64", DataType.INT8: "int8", DataType.INT16: "int16", DataType.INT32: "int32",
    DataType.INT64: "int64", DataType.FP16: "float16", DataType.FP32: "float32", DataType.FP64: "float64",
    DataType.BYTES: "object",
}  # fmt: skip


def array_of(tensor: Tensor) -> Array:
    """The elements as an array of the tensor's shape; texts are `bytes`, as servers give them."""
    data = [each.encode() if isinstance(each, str) else each for each in tensor.data]
    return numpy.array(data, dtype=DTYPES[tensor.datatype]).reshape(tensor.shape)


def tensor_of(name: str, array: Array) -> Tensor:
    """An array as a tensor; raises KeyError for elements that the protocol has no type for."""
    kinds = {dtype: kind for kind, dtype in DTYPES.items()}
    kind = kinds["object" if array.dtype.kind in "OSU" else str(array.dtype)]
    data = array.ravel().tolist()
    return Tensor(
        name=name,
        datatype=kind,
        shape=tuple(array.shape),
        data=tuple(each.decode() if isinstance(each, bytes) else each for each in data),
    )
