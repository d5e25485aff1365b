"""Rows that people give as one request: what is missing or of another type is an error with its row. Pure.

`sample.request_of` is the lenient one, for rows that a model's folder recorded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from cmcore.errors import UsageError
from cmcore.inference.datatype import DataType, Scalar
from cmcore.inference.interface import Interface
from cmcore.inference.request import InferenceRequest, flat
from cmcore.inference.tensor import ANY, Tensor, TensorSpec

Row = Mapping[str, object]
PROBLEMS_SHOWN = 10
WORDS = {"true": True, "false": False}


def strict_request(rows: Sequence[Row], interface: Interface, *, texts: bool = False, id: str = "") -> InferenceRequest:  # noqa: A002 # the protocol's word
    """The rows as one request; raises UsageError with everything that is wrong, each with its row and column. Columns
    that the model does not have (`extra_columns`) are left out.

    Null is NaN for a float and an error for everything else. With `texts` every value is a text, as in a CSV file, and
    is read as its column's type; an empty one is null, but for columns of texts. An optional column may be left out.
    """
    if not rows:
        raise UsageError("there are no rows to ask for")
    if not interface.batched and len(rows) > 1:
        raise UsageError(f"the model takes no batches: give one row, not {len(rows)}")
    problems: list[str] = []
    tensors = []
    for spec in interface.inputs:
        if not any(spec.name in row for row in rows) and spec.optional:
            continue
        before = len(problems)
        columns = [elements(row, spec, number, problems, texts=texts) for number, row in enumerate(rows, start=1)]
        if len(problems) == before:
            tensors.append(columns_tensor(spec, columns, problems, batched=interface.batched))
    if problems:
        more = [f"and {len(problems) - PROBLEMS_SHOWN} more"] if len(problems) > PROBLEMS_SHOWN else []
        raise UsageError("\n  ".join(["the rows are not what the model takes:", *problems[:PROBLEMS_SHOWN], *more]))
    return InferenceRequest(inputs=tuple(tensors), id=id)


def extra_columns(rows: Sequence[Row], interface: Interface) -> list[str]:
    """The columns that the model does not have, in the order in which they come."""
    known = {spec.name for spec in interface.inputs}
    return [name for name in dict.fromkeys(name for row in rows for name in row) if name not in known]


def elements(row: Row, spec: TensorSpec, number: int, problems: list[str], *, texts: bool) -> tuple[Scalar, ...]:
    """The elements of one column of one row; what is wrong with them is added to `problems`."""
    where = f"row {number}, column {spec.name!r}"
    if spec.name not in row:
        problems.append(f"{where}: it is missing; it is of {spec.datatype}")
        return ()
    found: list[Scalar] = []
    for value in flat([row[spec.name]]):
        given = from_text(value, spec.datatype) if texts else value
        if given is None and spec.datatype.is_float:
            found.append(math.nan)
        elif spec.datatype.fits(given):
            found.append(float(given) if spec.datatype.is_float else given)  # type: ignore[arg-type] # it fits
        else:
            problems.append(f"{where}: {shown(value)} is no {spec.datatype}")
            return ()
    return tuple(found)


def columns_tensor(
    spec: TensorSpec, columns: Sequence[tuple[Scalar, ...]], problems: list[str], *, batched: bool
) -> Tensor:
    """The column as a tensor; rows of different or wrong sizes are added to `problems`."""
    shape = row_shape(spec, len(columns[0]))
    asked = math.prod(shape)
    for number, column in enumerate(columns, start=1):
        if len(column) != asked:
            problems.append(f"row {number}, column {spec.name!r}: {len(column)} elements; it takes {asked}")
    data = tuple(element for column in columns for element in column)
    return Tensor(name=spec.name, datatype=spec.datatype, shape=(len(columns), *shape) if batched else shape, data=data)


def row_shape(spec: TensorSpec, count: int) -> tuple[int, ...]:
    """The shape of one row that has so many elements: the one dimension of any size takes what is left."""
    free = [index for index, size in enumerate(spec.shape) if size == ANY]
    fixed = math.prod(size for size in spec.shape if size != ANY)
    left = count // fixed if fixed else 0
    return tuple((left if index == free[0] else 1) if size == ANY else size for index, size in enumerate(spec.shape))


def from_text(value: object, kind: DataType) -> object:
    """A text as the type of its column; the text itself where it is none of that type."""
    text = str(value)
    if kind is DataType.BYTES:
        return text
    stripped = text.strip()
    if not stripped:
        return None
    try:
        if kind is DataType.BOOL:
            return WORDS.get(stripped.lower(), text)
        return float(stripped) if kind.is_float else int(stripped)
    except ValueError:
        return text


def shown(value: object) -> str:
    """A value in a message."""
    if value is None:
        return "null"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
