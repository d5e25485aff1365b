"""Requests to try a model with: those that its folder recorded, or generated ones; the same for the same model.

A generated request shows that a model answers, a recorded one that it answers what somebody would ask.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path

from cmcore.inference.datatype import DataType, Scalar
from cmcore.inference.interface import Interface
from cmcore.inference.request import InferenceRequest, flat
from cmcore.inference.tensor import ANY, Tensor, TensorSpec

EXAMPLE_FILE = "input_example.json"
EXAMPLE_BYTES = 10**7
SEED = 20130101


def recorded_rows(folder: Path) -> list[dict[str, object]]:
    """The rows of the model's `input_example.json` (MLflow's split orientation); none where it has none."""
    path = folder / EXAMPLE_FILE
    try:
        if path.stat().st_size > EXAMPLE_BYTES:
            return []
        document = json.loads(path.read_text(encoding="utf-8"))
        columns, data = document["columns"], document["data"]
        return [dict(zip(columns, row, strict=True)) for row in data]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def request_of(rows: Sequence[dict[str, object]], interface: Interface, *, id: str = "") -> InferenceRequest:  # noqa: A002 # the protocol's word
    """Rows by column as one request: a missing float is NaN, a missing integer 0 and a missing text empty, and so is
    what the datatype cannot hold. Raises nothing."""
    made = column if interface.batched else whole
    return InferenceRequest(
        inputs=tuple(made(spec, [row.get(spec.name) for row in rows]) for spec in interface.inputs), id=id
    )


def column(spec: TensorSpec, values: Sequence[object]) -> Tensor:
    """The values of one column as a tensor of rows; lists are taken apart."""
    elements = list(flat(values))
    return Tensor(
        name=spec.name,
        datatype=spec.datatype,
        shape=(len(values), *sizes(spec.shape, len(elements) // max(len(values), 1))),
        data=tuple(element(spec.datatype, value) for value in elements),
    )


def whole(spec: TensorSpec, values: Sequence[object]) -> Tensor:
    """The same for a tensor that says itself whether it has rows; one that has none is that of the first row."""
    if spec.shape[:1] == (ANY,):
        return column(TensorSpec(name=spec.name, datatype=spec.datatype, shape=spec.shape[1:]), values)
    first = column(spec, values[:1])
    return Tensor(name=spec.name, datatype=spec.datatype, shape=first.shape[1:], data=first.data)


def sizes(shape: Sequence[int], elements: int) -> tuple[int, ...]:
    """The shape of one row that has so many elements: they fill the only dimension of any size, where there is one."""
    if list(shape).count(ANY) != 1:
        return concrete(shape)
    others = math.prod(size for size in shape if size != ANY)
    return tuple(elements // max(others, 1) if size == ANY else size for size in shape)


def element(kind: DataType, value: object) -> Scalar:
    """A JSON value as an element."""
    match kind:
        case DataType.BYTES:
            return "" if value is None else str(value)
        case DataType.BOOL:
            return bool(value)
        case _ if kind.is_float:
            return float_of(value) if kind.fits(float_of(value)) else math.nan
        case _:
            whole_number = int(value) if isinstance(value, int | float) and math.isfinite(float_of(value)) else 0
            return whole_number if kind.fits(whole_number) else 0


def float_of(value: object) -> float:
    """A number as a float; NaN for what is none, and for a whole number that no float holds."""
    try:
        return float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return math.nan


def generated(interface: Interface, rows: int = 1, *, seed: int = SEED, id: str = "") -> InferenceRequest:  # noqa: A002 # the protocol's word
    """A request with values near zero and texts `a`, the same for the same seed; dimensions of any size are 1."""
    chance = random.Random(seed)  # noqa: S311 # values to try a model with
    leading = (rows,) if interface.batched else ()
    return InferenceRequest(
        inputs=tuple(filled(spec, (*leading, *concrete(spec.shape)), chance) for spec in interface.inputs), id=id
    )


def concrete(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape that can be sent."""
    return tuple(1 if size == ANY else size for size in shape)


def filled(spec: TensorSpec, shape: tuple[int, ...], chance: random.Random) -> Tensor:
    """A tensor of that shape."""
    empty = Tensor(name=spec.name, datatype=spec.datatype, shape=shape, data=())
    data = tuple(drawn(spec.datatype, chance) for _ in range(empty.size))
    return Tensor(name=spec.name, datatype=spec.datatype, shape=shape, data=data)


def drawn(kind: DataType, chance: random.Random) -> Scalar:
    """One element."""
    match kind:
        case DataType.BYTES:
            return "a"
        case DataType.BOOL:
            return chance.random() < 0.5
        case _ if kind.is_float:
            return round(chance.uniform(0, 1), 3)
        case _:
            return chance.randrange(10)
