"""Requests and answers of the Open Inference Protocol as values, and as the JSON of its REST form.

The binary extension of tensors is the business of those who have arrays; how bytes travel is `client`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from pydantic import JsonValue

from cmcore.errors import InferenceError, InferenceStatus
from cmcore.inference.datatype import DataType, Scalar
from cmcore.inference.tensor import Shape, Tensor

NO_PARAMETERS: Mapping[str, JsonValue] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceRequest:
    """What is asked: `outputs` names those that are wanted, all where it is empty; `id` comes back in the answer."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...] = ()
    id: str = ""
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)

    def document(self) -> dict[str, JsonValue]:
        """As JSON."""
        return {
            **({"id": self.id} if self.id else {}),
            **({"parameters": dict(self.parameters)} if self.parameters else {}),
            "inputs": [tensor_document(tensor) for tensor in self.inputs],
            **({"outputs": [{"name": name} for name in self.outputs]} if self.outputs else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceResponse:
    """What came back: the model's name and version are those of the server."""

    model_name: str
    model_version: str = ""
    id: str = ""
    outputs: tuple[Tensor, ...]
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)

    def document(self) -> dict[str, JsonValue]:
        """As JSON."""
        return {
            "model_name": self.model_name,
            **({"model_version": self.model_version} if self.model_version else {}),
            **({"id": self.id} if self.id else {}),
            **({"parameters": dict(self.parameters)} if self.parameters else {}),
            "outputs": [tensor_document(tensor) for tensor in self.outputs],
        }

    def output(self, name: str) -> Tensor:
        """One output by name; raises InferenceError naming those that there are."""
        for tensor in self.outputs:
            if tensor.name == name:
                return tensor
        raise failed(f"the answer has no output {name!r}; it has {', '.join(it.name for it in self.outputs) or 'none'}")


def tensor_document(tensor: Tensor) -> dict[str, JsonValue]:
    """A tensor as JSON, its elements in one list."""
    return {
        "name": tensor.name,
        "datatype": tensor.datatype.value,
        "shape": list(tensor.shape),
        "data": list(tensor.data),
    }


def request_from(document: object) -> InferenceRequest:
    """The request that a client's JSON is; raises InferenceError where it is none."""
    if not isinstance(document, dict) or not isinstance(document.get("inputs"), list):
        raise invalid("a request is an object with a list of inputs")
    told, outputs, parameters = (document.get(key, empty) for key, empty in REQUEST_PARTS.items())
    if not isinstance(told, str) or not isinstance(parameters, dict):
        raise invalid("a request's id is a text, and its parameters are an object")
    if not isinstance(outputs, list) or not all(isinstance(each, dict) for each in outputs):
        raise invalid("a request's outputs are a list of objects with a name")
    names = tuple(each.get("name") for each in outputs)
    if not all(isinstance(name, str) for name in names):
        raise invalid("an output that is asked for has no name")
    return InferenceRequest(
        inputs=tuple(map(tensor_of, document["inputs"])), outputs=names, id=told, parameters=parameters
    )


REQUEST_PARTS: Mapping[str, object] = {"id": "", "outputs": [], "parameters": {}}


def response_of(document: object) -> InferenceResponse:
    """The answer that a server's JSON is; raises InferenceError where it is none."""
    if not isinstance(document, dict) or not isinstance(document.get("outputs"), list):
        raise failed("the server's answer is no answer of the Open Inference Protocol: it has no outputs")
    if not isinstance(document.get("model_name"), str):
        raise failed("the server's answer does not name its model")
    parameters = document.get("parameters")
    try:
        outputs = tuple(map(tensor_of, document["outputs"]))
    except InferenceError as error:
        raise failed(f"the server's answer cannot be read: {error}") from error
    return InferenceResponse(
        model_name=document["model_name"],
        model_version=str(document.get("model_version") or ""),
        id=str(document.get("id") or ""),
        outputs=outputs,
        parameters=parameters if isinstance(parameters, dict) else {},
    )


def tensor_of(document: object) -> Tensor:
    """The tensor that JSON is, its elements nested or in one list; raises InferenceError."""
    if not isinstance(document, dict):
        raise invalid("a tensor is an object with name, datatype, shape and data")
    name, datatype, shape, data = (document.get(key) for key in ("name", "datatype", "shape", "data"))
    if not isinstance(name, str) or not name:
        raise invalid("a tensor has no name")
    if not isinstance(datatype, str) or datatype not in DataType.__members__:
        raise invalid(f"tensor {name!r} has the datatype {datatype!r}; datatypes: {', '.join(DataType)}")
    if not is_shape(shape):
        raise invalid(f"tensor {name!r} has the shape {shape!r}; it is a list of whole numbers, none below 0")
    kind, elements = DataType(datatype), tuple(flat(data if isinstance(data, list) else [data]))
    if wrong := [element for element in elements if not kind.fits(element)]:
        raise invalid(f"tensor {name!r} is of {kind} and holds {wrong[0]!r}")
    tensor = Tensor(
        name=name, datatype=kind, shape=tuple(cast(Sequence[int], shape)), data=cast("tuple[Scalar, ...]", elements)
    )
    check_size(tensor)
    return tensor


def check_size(tensor: Tensor) -> None:
    """Raises InferenceError where a tensor has not as many elements as its shape asks for."""
    if tensor.size != len(tensor.data):
        told = f"{len(tensor.data)} elements, and its shape {list(tensor.shape)} asks for {tensor.size}"
        raise invalid(f"tensor {tensor.name!r} has {told}")


def is_shape(value: object) -> bool:
    """Whether JSON is a shape."""
    return isinstance(value, list) and all(
        isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**63 for size in value
    )


def flat(data: Iterable[object]) -> Iterable[object]:
    """The elements of nested lists in their order, however deep they nest."""
    waiting = [iter(data)]
    while waiting:
        for element in waiting[-1]:
            if isinstance(element, list):
                waiting.append(iter(element))
                break
            yield element
        else:
            waiting.pop()


def rows_of(shape: Shape) -> int:
    """How many rows a batched tensor has."""
    return shape[0] if shape else 1


def invalid(message: str) -> InferenceError:
    """What is wrong with what was sent."""
    return InferenceError(message, InferenceStatus.INVALID)


def failed(message: str) -> InferenceError:
    """What is wrong with what came back."""
    return InferenceError(message, InferenceStatus.FAILED)
