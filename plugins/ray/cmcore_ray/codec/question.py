"""Question: a request as arrays, accepted against the model's interface before the model is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cmcore.inference.datatype import DataType
from cmcore.inference.interface import Interface
from cmcore.inference.tensor import TensorSpec
from cmcore_ray.codec.arrays import DTYPES, Array, Shape
from cmcore_ray.codec.refusal import Reason, RefusalError

VERSION = "1"
LARGEST = 2**40  # elements; beyond it, sizes in bytes could overflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What is asked: one version of one model. `max_rows` holds where the interface is batched."""

    name: str
    interface: Interface
    max_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An accepted request. `outputs` are those that are wanted, in the model's order; `binary` those as raw bytes."""

    inputs: Mapping[str, Array]
    outputs: tuple[TensorSpec, ...]
    rows: int = 1
    id: str = ""
    binary: frozenset[str] = field(default_factory=frozenset)


def accepted_spec(served: Served, name: str, kind: str, shape: Sequence[int]) -> TensorSpec:
    """The input that a tensor is for; raises RefusalError where its name, datatype or shape is another."""
    spec = next((each for each in served.interface.inputs if each.name == name), None)
    if spec is None:
        known = ", ".join(each.name for each in served.interface.inputs)
        raise RefusalError(f"the model {served.name!r} has no input {name!r}; it has {known}")
    if kind != spec.datatype:
        found = repr(kind) if kind in DataType.__members__ else f"{kind!r}, which is no datatype"
        raise RefusalError(f"input {name!r} is of {found}, and the model {served.name!r} takes {spec.datatype}")
    check_shape(served, spec, tuple(shape))
    return spec


def check_shape(served: Served, spec: TensorSpec, shape: Shape) -> None:
    """Raises RefusalError for a shape that the model does not take, or with more rows than it takes at once."""
    own = shape[1:] if served.interface.batched else shape
    asked = [*([-1] if served.interface.batched else []), *spec.shape]
    if len(shape) != len(asked) or not spec.takes(own) or min(shape, default=0) < 0:
        raise RefusalError(
            f"input {spec.name!r} has the shape {list(shape)}, and the model {served.name!r} takes {asked}"
        )
    if served.interface.batched and not 1 <= shape[0] <= served.max_rows:
        raise RefusalError(f"{shape[0]} rows are asked for, and the model {served.name!r} takes 1 to {served.max_rows}")
    size = 1
    for each in shape:
        size *= each
        if size > LARGEST:
            raise RefusalError(f"input {spec.name!r} has the shape {list(shape)}, which is too large")


def accepted_rows(served: Served, inputs: Mapping[str, Array]) -> int:
    """How many rows are asked for; raises RefusalError where an input is missing or inputs differ."""
    missing = [spec.name for spec in served.interface.inputs if not spec.optional and spec.name not in inputs]
    if missing or not inputs:
        raise RefusalError(f"the model {served.name!r} is asked without {', '.join(missing) or 'any input'}")
    if not served.interface.batched:
        return 1
    rows = {name: array.shape[0] for name, array in inputs.items()}
    if len(set(rows.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in rows.items())
        raise RefusalError(f"inputs have different numbers of rows: {told}")
    return next(iter(rows.values()))


def wanted(served: Served, names: Sequence[str]) -> tuple[TensorSpec, ...]:
    """The outputs that are asked for, in the model's order, all where none is named; raises RefusalError."""
    known = {spec.name for spec in served.interface.outputs}
    if unknown := [name for name in names if name not in known]:
        raise RefusalError(f"the model {served.name!r} has no output {unknown[0]!r}; it has {', '.join(sorted(known))}")
    return tuple(spec for spec in served.interface.outputs if not names or spec.name in names)


def check_version(served: Served, version: str) -> None:
    """Raises RefusalError for another version than the one that there is."""
    if version not in ("", VERSION):
        raise RefusalError(f"the model {served.name!r} has no version {version}", Reason.NOT_FOUND)


def checked_output(spec: TensorSpec, array: Array | None, rows: int | None) -> Array:
    """What the predictor gave for an output, which must be what the interface promises; raises RefusalError."""
    if array is None:
        raise RefusalError(f"the model gave no output {spec.name!r}", Reason.FAILED)
    dtype = DTYPES[spec.datatype]
    if array.dtype.kind in "SU" and dtype.kind == "O":
        array = array.astype(object)
    own = array.shape if rows is None else array.shape[1:]
    if array.dtype != dtype:
        raise RefusalError(
            f"the model gave {array.dtype} as {spec.name!r}, and promises {spec.datatype}", Reason.FAILED
        )
    if not spec.takes(own) or (rows is not None and array.shape[:1] != (rows,)):
        promised = [*([] if rows is None else [rows]), *spec.shape]
        told = f"the model gave the shape {list(array.shape)} as {spec.name!r}, and promises {promised}"
        raise RefusalError(told, Reason.FAILED)
    return array
