"""Whether a request is one that the model's interface takes. Pure; a server that has no such check of its own uses it.

`answer` is the other half: whether an answer is one that the interface promises.
"""

from __future__ import annotations

from collections.abc import Iterator

from cmcore.inference.interface import Interface
from cmcore.inference.request import InferenceRequest, rows_of
from cmcore.inference.tensor import Tensor, TensorSpec


def refusals(request: InferenceRequest, interface: Interface, *, max_rows: int = 0) -> list[str]:
    """Everything that is wrong with a request: names, types, shapes, rows (0: any number may come), outputs."""
    names = [tensor.name for tensor in request.inputs]
    known = {spec.name: spec for spec in interface.inputs}
    problems = [f"input {name!r} is there more than once" for name in sorted(set(names)) if names.count(name) > 1]
    problems += [f"no input {name!r}; inputs: {', '.join(known)}" for name in names if name not in known]
    problems += [f"input {each.name!r} is missing" for each in known.values() if missing(each, names)]
    for tensor in request.inputs:
        if tensor.name in known:
            problems += refusals_of(tensor, known[tensor.name], batched=interface.batched)
    if interface.batched:
        problems += row_refusals(request, max_rows)
    outputs = [spec.name for spec in interface.outputs]
    problems += [
        f"no output {name!r}; outputs: {', '.join(outputs)}" for name in request.outputs if name not in outputs
    ]
    return problems


def missing(spec: TensorSpec, names: list[str]) -> bool:
    """Whether an input that must be there is not."""
    return not spec.optional and spec.name not in names


def refusals_of(tensor: Tensor, spec: TensorSpec, *, batched: bool) -> Iterator[str]:
    """What is wrong with one input."""
    if tensor.datatype is not spec.datatype:
        yield f"input {tensor.name!r} is of {tensor.datatype}; it must be of {spec.datatype}"
    if not spec.takes(tensor.shape[1:] if batched else tensor.shape) or (batched and not tensor.shape):
        asked = [*([-1] if batched else []), *spec.shape]
        yield f"input {tensor.name!r} has the shape {list(tensor.shape)}; it must be {asked}, -1 being any size"
    if tensor.size != len(tensor.data):
        yield f"input {tensor.name!r} has {len(tensor.data)} elements, and its shape asks for {tensor.size}"


def row_refusals(request: InferenceRequest, max_rows: int) -> Iterator[str]:
    """What is wrong with the rows of a batched request."""
    rows = {rows_of(tensor.shape) for tensor in request.inputs}
    if len(rows) > 1:
        yield f"inputs have {', '.join(map(str, sorted(rows)))} rows; all must have the same number"
    if max_rows and max(rows, default=0) > max_rows:
        yield f"the request has {max(rows)} rows, and at most {max_rows} are taken at once"
