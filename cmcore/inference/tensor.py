"""Tensors as values: what a model takes or gives, and what one request holds. Plain Python, so no array library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cmcore.inference.datatype import DataType, Scalar

Shape = tuple[int, ...]
ANY = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One input or output. `shape` has -1 for a dimension of any size and leaves out the rows of a batch."""

    name: str
    datatype: DataType
    shape: Shape
    optional: bool = False

    def takes(self, shape: Sequence[int]) -> bool:
        """Whether a tensor of this shape (without the rows) is one."""
        return len(shape) == len(self.shape) and all(
            asked in (ANY, found) for asked, found in zip(self.shape, shape, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """Elements in row-major order; `shape` begins with the rows where the interface is batched."""

    name: str
    datatype: DataType
    shape: Shape
    data: tuple[Scalar, ...]

    @property
    def size(self) -> int:
        """How many elements the shape asks for."""
        return math.prod(self.shape)
