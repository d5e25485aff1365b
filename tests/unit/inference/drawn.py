"""Requests, answers and interfaces drawn by Hypothesis."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from cmcore.inference.datatype import FLOAT_MAX, DataType
from cmcore.inference.interface import Interface
from cmcore.inference.request import InferenceRequest, InferenceResponse
from cmcore.inference.tensor import Tensor, TensorSpec

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
KINDS = st.sampled_from(list(DataType))
PARAMETERS = st.dictionaries(TEXTS, st.one_of(st.booleans(), st.integers(), TEXTS), max_size=3)


def elements(kind: DataType) -> st.SearchStrategy[bool | int | float | str]:
    """What fits in a datatype."""
    match kind:
        case DataType.BOOL:
            return st.booleans()
        case DataType.BYTES:
            return TEXTS
        case _ if kind.is_float:
            widths = {DataType.FP16: 16, DataType.FP32: 32, DataType.FP64: 64}
            return st.floats(width=widths[kind]).filter(
                lambda value: not math.isfinite(value) or abs(value) <= FLOAT_MAX[kind]
            )
        case _:
            return st.integers(*kind.bounds)


@st.composite
def tensors(draw: st.DrawFn, name: str | None = None) -> Tensor:
    """A tensor of any type and of up to three dimensions."""
    kind, shape = draw(KINDS), tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    size = math.prod(shape)
    data = tuple(draw(st.lists(elements(kind), min_size=size, max_size=size)))
    return Tensor(name=draw(NAMES) if name is None else name, datatype=kind, shape=shape, data=data)


requests = st.builds(
    InferenceRequest,
    inputs=st.lists(tensors(), max_size=3).map(tuple),
    outputs=st.lists(NAMES, max_size=3).map(tuple),
    id=TEXTS,
    parameters=PARAMETERS,
)
responses = st.builds(
    InferenceResponse,
    model_name=NAMES,
    model_version=TEXTS,
    id=TEXTS,
    outputs=st.lists(tensors(), max_size=3).map(tuple),
    parameters=PARAMETERS,
)


@st.composite
def specs(draw: st.DrawFn) -> tuple[TensorSpec, ...]:
    """One side of an interface."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    shapes = st.lists(st.integers(-1, 3), max_size=3).map(tuple)
    return tuple(TensorSpec(name=name, datatype=draw(KINDS), shape=draw(shapes)) for name in names)


interfaces = st.builds(Interface, inputs=specs(), outputs=specs(), batched=st.booleans())
