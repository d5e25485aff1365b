"""Interface: what a model takes and gives as tensors, read from the signature of an `MLmodel` file.

A column of MLflow's signature is a tensor with one element per row; a tensor whose first dimension is -1 is batched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import yaml
from pydantic import BaseModel, ConfigDict, JsonValue

from cmcore.errors import UsageError
from cmcore.inference.datatype import MLFLOW, NUMPY, DataType
from cmcore.inference.tensor import ANY, TensorSpec

MODEL_FILE = "MLmodel"
MODEL_FILE_BYTES = 10**6
WORD_MAX = 1000


class Interface(BaseModel):
    """Inputs and outputs; where it is `batched`, every tensor of a request begins with a dimension of rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batched: bool = True

    def input(self, name: str) -> TensorSpec:
        """One input by name; raises UsageError naming those that there are."""
        return named(self.inputs, name, "input")

    def output(self, name: str) -> TensorSpec:
        """One output by name; raises UsageError naming those that there are."""
        return named(self.outputs, name, "output")


class ServableModel(BaseModel):
    """What an `MLmodel` file says of serving; `interface` is None where it has no signature."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flavors: tuple[str, ...]
    interface: Interface | None = None


def named(specs: Sequence[TensorSpec], name: str, what: str) -> TensorSpec:
    """The tensor of that name; raises UsageError."""
    for spec in specs:
        if spec.name == name:
            return spec
    raise UsageError(f"the model has no {what} {name!r}; it has {', '.join(spec.name for spec in specs) or 'none'}")


def read_model(folder: Path) -> ServableModel:
    """What the folder's `MLmodel` says; raises UsageError where it is not a model in MLflow's layout, or cannot be
    served."""
    path = folder / MODEL_FILE
    document = loaded(path)
    if not isinstance(document, dict) or not isinstance(document.get("flavors"), dict):
        raise UsageError(f"{path} names no flavors")
    signature = document.get("signature")
    flavors = tuple(map(str, document["flavors"]))
    if not isinstance(signature, dict):
        return ServableModel(flavors=flavors)
    inputs, outputs = (entries(signature.get(part), part, path) for part in ("inputs", "outputs"))
    return ServableModel(flavors=flavors, interface=interface_of(inputs, outputs, path))


def loaded(path: Path) -> object:
    """What stands in a YAML file of at most MODEL_FILE_BYTES; raises UsageError."""
    try:
        with path.open("rb") as file:
            found = file.read(MODEL_FILE_BYTES + 1)
        document: object = yaml.safe_load(found.decode()) if len(found) <= MODEL_FILE_BYTES else None
    except Exception as error:  # of odd scalars PyYAML makes KeyError, IndexError, AttributeError and others
        told = f"{path.parent} is no model in MLflow's layout: {path.name} cannot be read ({error})"
        raise UsageError(told) from error
    if len(found) > MODEL_FILE_BYTES:
        raise UsageError(f"{path} has more than {MODEL_FILE_BYTES:,} bytes")
    return document


def entries(raw: object, part: str, path: Path) -> list[Mapping[str, JsonValue]]:
    """The entries of one side of a signature, which MLflow keeps as JSON in a string; raises UsageError."""
    try:
        found = json.loads(raw) if isinstance(raw, str) else raw
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: the signature's {part} are no JSON ({error})") from error
    if not isinstance(found, list) or not found or not all(isinstance(entry, dict) for entry in found):
        raise UsageError(f"{path}: the signature names no {part}; write them in the inference config")
    return cast("list[Mapping[str, JsonValue]]", found)


def interface_of(
    inputs: Sequence[Mapping[str, JsonValue]], outputs: Sequence[Mapping[str, JsonValue]], path: Path
) -> Interface:
    """The interface that both sides make; raises UsageError for a type that no tensor can have."""
    sides = [
        [spec_of(entry, f"{part}_{index}", path) for index, entry in enumerate(entries)]
        for part, entries in (("input", inputs), ("output", outputs))
    ]
    batched = all(rows for side in sides for _, rows in side)
    for side in sides:
        names = [spec.name for spec, _ in side]
        if twice := [name for name in names if names.count(name) > 1]:
            raise UsageError(f"{path}: the signature has {twice[0]!r} more than once on one side")
    read, given = (tuple(spec if batched or not rows else with_rows(spec) for spec, rows in side) for side in sides)
    return Interface(inputs=read, outputs=given, batched=batched)


def with_rows(spec: TensorSpec) -> TensorSpec:
    """The tensor with its rows as a dimension like the others, for a model of which not every tensor has them."""
    return TensorSpec(name=spec.name, datatype=spec.datatype, shape=(ANY, *spec.shape), optional=spec.optional)


def spec_of(entry: Mapping[str, JsonValue], default: str, path: Path) -> tuple[TensorSpec, bool]:
    """One entry as a tensor without its rows, and whether it has any."""
    name = word(entry.get("name") or default, f"the name of {default}", path)
    optional = entry.get("required") is False or entry.get("optional") is True
    kind = word(entry.get("type"), f"the type of {name!r}", path)
    if kind in MLFLOW:
        return TensorSpec(name=name, datatype=MLFLOW[kind], shape=(1,), optional=optional), True
    tensor = entry.get("tensor-spec")
    if kind != "tensor" or not isinstance(tensor, dict) or not isinstance(tensor.get("shape"), list):
        raise UsageError(f"{path}: {name!r} is of type {kind!r}, which is no tensor; flatten it in the model")
    shape = tuple(dimension(size, name, path) for size in cast("list[JsonValue]", tensor["shape"]))
    rows = shape[:1] == (ANY,)
    datatype = numpy_type(word(tensor.get("dtype"), f"the dtype of {name!r}", path), name, path)
    return TensorSpec(name=name, datatype=datatype, shape=shape[rows:], optional=optional), rows


def word(value: JsonValue, what: str, path: Path) -> str:
    """A short text, or a number that stands for one; raises UsageError. YAML's aliases can make a value that has more
    than all memory once it is written out, so nothing else is made a text."""
    if isinstance(value, str | int) and not isinstance(value, bool) and len(str(value)) <= WORD_MAX:
        return str(value)
    raise UsageError(f"{path}: {what} is no text of at most {WORD_MAX} characters")


def dimension(size: JsonValue, name: str, path: Path) -> int:
    """One dimension, ANY where the signature leaves it open; raises UsageError."""
    if size is None:
        return ANY
    if isinstance(size, bool) or not isinstance(size, int) or not ANY <= size < 2**31:
        raise UsageError(f"{path}: a dimension of {name!r} is no whole number from -1 to 2**31")
    return size


def numpy_type(dtype: str, name: str, path: Path) -> DataType:
    """The datatype that NumPy's name means; raises UsageError."""
    if dtype not in NUMPY:
        raise UsageError(f"{path}: {name!r} has elements of {dtype!r}; those that can be served: {', '.join(NUMPY)}")
    return NUMPY[dtype]
