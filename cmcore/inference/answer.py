"""Whether an answer is one that the model's interface promises. Pure; what follows is decided elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator

from cmcore.inference.interface import Interface
from cmcore.inference.request import InferenceRequest, InferenceResponse, rows_of
from cmcore.inference.tensor import Tensor, TensorSpec


def faults(answer: InferenceResponse, request: InferenceRequest, interface: Interface) -> list[str]:
    """Everything that is wrong with an answer: outputs, types, shapes, NaN and infinities, the id."""
    rows = rows_of(request.inputs[0].shape) if interface.batched and request.inputs else None
    wanted = [spec for spec in interface.outputs if not request.outputs or spec.name in request.outputs]
    found = {tensor.name: tensor for tensor in answer.outputs}
    problems = [f"output {spec.name!r} is missing" for spec in wanted if spec.name not in found]
    for spec in wanted:
        if spec.name in found:
            problems += faults_of(found[spec.name], spec, rows)
    if answer.id != request.id:
        problems.append(f"the request's id {request.id!r} came back as {answer.id!r}")
    return problems


def faults_of(tensor: Tensor, spec: TensorSpec, rows: int | None) -> Iterator[str]:
    """What is wrong with one output."""
    if tensor.datatype is not spec.datatype:
        yield f"output {spec.name!r} is of {tensor.datatype}, and {spec.datatype} is promised"
    own = tensor.shape if rows is None else tensor.shape[1:]
    if not spec.takes(own) or (rows is not None and tensor.shape[:1] != (rows,)):
        asked = [*([] if rows is None else [rows]), *spec.shape]
        yield f"output {spec.name!r} has the shape {list(tensor.shape)}, and {asked} is promised"
    if tensor.size != len(tensor.data):
        yield f"output {spec.name!r} has {len(tensor.data)} elements, and its shape asks for {tensor.size}"
    odd = [value for value in tensor.data if isinstance(value, float) and not math.isfinite(value)]
    if odd:
        yield f"output {spec.name!r} has {len(odd)} of {len(tensor.data)} values that are no numbers, such as {odd[0]}"
