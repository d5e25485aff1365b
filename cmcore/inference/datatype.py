"""DataType: the element types of the Open Inference Protocol, and what MLflow and NumPy call them."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from enum import StrEnum

from cmcore.errors import UsageError

Scalar = bool | int | float | str
FLOAT_MAX: Mapping[str, float] = {"FP16": 65_504.0, "FP32": 3.4028234663852886e38, "FP64": sys.float_info.max}


class DataType(StrEnum):
    """One element of a tensor; BYTES are texts in UTF-8 or binary data."""

    BOOL = "BOOL"
    UINT8 = "UINT8"
    UINT16 = "UINT16"
    UINT32 = "UINT32"
    UINT64 = "UINT64"
    INT8 = "INT8"
    INT16 = "INT16"
    INT32 = "INT32"
    INT64 = "INT64"
    FP16 = "FP16"
    FP32 = "FP32"
    FP64 = "FP64"
    BYTES = "BYTES"

    @property
    def is_float(self) -> bool:
        """Whether NaN is one of its values."""
        return self.startswith("FP")

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest value of an integer type; raises UsageError for the others."""
        kind, digits = self.rstrip("0123456789"), self.lstrip("UINTFPBOLYES")
        if kind not in ("INT", "UINT"):
            raise UsageError(f"{self} is no integer type")
        bits = int(digits)
        return (0, 2**bits - 1) if kind == "UINT" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

    def fits(self, value: object) -> bool:
        """Whether a JSON value can be an element; a whole number can be one of a float type, never the other way."""
        match self:
            case DataType.BOOL:
                return isinstance(value, bool)
            case DataType.BYTES:
                return isinstance(value, str)
            case _ if isinstance(value, bool) or not isinstance(value, int | float):
                return False
            case _ if self.is_float:
                return abs(value) <= FLOAT_MAX[self] or (isinstance(value, float) and not math.isfinite(value))
            case _:
                least, greatest = self.bounds
                return isinstance(value, int) and least <= value <= greatest


MLFLOW: Mapping[str, DataType] = {
    "boolean": DataType.BOOL, "integer": DataType.INT32, "long": DataType.INT64, "float": DataType.FP32,
    "double": DataType.FP64, "string": DataType.BYTES, "binary": DataType.BYTES, "datetime": DataType.BYTES,
}  # fmt: skip
NUMPY: Mapping[str, DataType] = {
    "bool": DataType.BOOL, "uint8": DataType.UINT8, "uint16": DataType.UINT16, "uint32": DataType.UINT32,
    "uint64": DataType.UINT64, "int8": DataType.INT8, "int16": DataType.INT16, "int32": DataType.INT32,
    "int64": DataType.INT64, "float16": DataType.FP16, "float32": DataType.FP32, "float64": DataType.FP64,
    "object": DataType.BYTES, "str": DataType.BYTES,
}  # fmt: skip
