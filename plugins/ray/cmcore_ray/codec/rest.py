"""REST: a body to a question, and outputs to a body; tensors are JSON or, by the binary extension, raw bytes after it.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from cmcore.inference.request import is_shape
from cmcore_ray.codec.arrays import Array, flattened, from_elements, from_raw, to_elements, to_raw
from cmcore_ray.codec.question import VERSION, Question, Served, accepted_rows, accepted_spec, wanted
from cmcore_ray.codec.refusal import RefusalError

HEADER_LENGTH = "inference-header-content-length"
Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Body:
    """An answer's bytes; `header_bytes` is where its JSON ends, None where there is nothing else."""

    content: bytes
    header_bytes: int | None = None


def question_of(served: Served, body: bytes, header_length: str | None) -> Question:
    """The request in a body; raises RefusalError."""
    document, raw = parts_of(body, header_length)
    identity = document.get("id", "")
    if not isinstance(identity, str):
        raise RefusalError(f"the id is {identity!r}; it is a text")
    parameters = parameters_of(document, "the request")
    inputs: dict[str, Array] = {}
    at = 0
    for entry in list_of(document, "inputs"):
        name, array, at = input_of(served, entry, raw, at)
        if name in inputs:
            raise RefusalError(f"input {name!r} is given more than once")
        inputs[name] = array
    if at != len(raw):
        raise RefusalError(f"{len(raw) - at} bytes follow the last input's")
    rows = accepted_rows(served, inputs)
    asked = [output_of(entry) for entry in (list_of(document, "outputs") if "outputs" in document else [])]
    outputs = wanted(served, [name for name, _ in asked])
    everything = parameters.get("binary_data_output") is True and not asked
    binary = {spec.name for spec in outputs} if everything else {name for name, binary in asked if binary}
    return Question(inputs=inputs, outputs=outputs, rows=rows, id=identity, binary=frozenset(binary))


def parts_of(body: bytes, header_length: str | None) -> tuple[Document, memoryview]:
    """The JSON, and the raw bytes after it."""
    size = len(body)
    if header_length is not None:
        if not header_length.isascii() or not header_length.isdigit() or not 0 < int(header_length) <= size:
            raise RefusalError(f"{HEADER_LENGTH} is {header_length!r}, and the body has {size} bytes")
        size = int(header_length)
    try:
        document = json.loads(body[:size])
    except (ValueError, RecursionError) as error:
        raise RefusalError(f"the request is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise RefusalError("the request is no JSON object")
    return document, memoryview(body)[size:]


def list_of(document: Document, key: str) -> list[Document]:
    """The objects under a key."""
    found = document.get(key)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise RefusalError(f"{key} is no list of objects")
    return found


def parameters_of(document: Document, what: str) -> Document:
    """The parameters: numbers, texts and truth values."""
    found = document.get("parameters", {})
    if not isinstance(found, dict):
        raise RefusalError(f"the parameters of {what} are no object")
    for key, value in found.items():
        if not isinstance(value, bool | int | float | str):
            raise RefusalError(f"the parameter {key!r} of {what} is neither number, text nor truth value")
    return found


def input_of(served: Served, entry: Document, raw: memoryview, at: int) -> tuple[str, Array, int]:
    """A tensor, and how far the raw bytes are used up."""
    name, kind, shape = entry.get("name"), entry.get("datatype"), entry.get("shape")
    if not isinstance(name, str) or not isinstance(kind, str) or not is_shape(shape):
        raise RefusalError("an input has a name, a datatype and a shape of whole numbers, none below 0")
    assert isinstance(shape, list)
    spec = accepted_spec(served, name, kind, shape)
    size = parameters_of(entry, f"input {name!r}").get("binary_data_size")
    if (size is None) == ("data" not in entry):
        raise RefusalError(f"input {name!r} has either data or the parameter binary_data_size")
    if size is None:
        elements = flattened(entry["data"])
        if elements is None:
            raise RefusalError(f"the data of input {name!r} are no list")
        return name, from_elements(name, spec.datatype, tuple(shape), elements), at
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(raw) - at:
        raise RefusalError(f"input {name!r} has the binary_data_size {size!r}, and {len(raw) - at} bytes are there")
    return name, from_raw(name, spec.datatype, tuple(shape), raw[at : at + size]), at + size


def output_of(entry: Document) -> tuple[str, bool]:
    """The name of an output that is wanted, and whether as raw bytes."""
    name = entry.get("name")
    if not isinstance(name, str):
        raise RefusalError("an output that is asked for has no name")
    parameters = parameters_of(entry, f"output {name!r}")
    if odd := {"classification", "shared_memory_region"} & parameters.keys():
        raise RefusalError(f"output {name!r} is asked for with {odd.pop()}, which is not offered")
    return name, parameters.get("binary_data") is True


def body_of(served: Served, question: Question, outputs: Mapping[str, Array]) -> Body:
    """The answer; NaN and infinities are written as Python and Triton write them."""
    told, raw = [], []
    for spec in question.outputs:
        array = outputs[spec.name]
        tensor: Document = {"name": spec.name, "datatype": spec.datatype.value, "shape": list(array.shape)}
        if spec.name in question.binary:
            raw.append(to_raw(array))
            tensor["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            tensor["data"] = to_elements(array)
        told.append(tensor)
    identity = {"id": question.id} if question.id else {}
    document = {**identity, "model_name": served.name, "model_version": VERSION, "outputs": told}
    header = written(document)
    return Body(b"".join([header, *raw]), len(header) if question.binary else None)


def written(document: object) -> bytes:
    """JSON; bytes that are no UTF-8 come out as they went in."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogateescape")


def metadata_of(served: Served) -> Document:
    """What a model says of itself."""
    rows = [-1] if served.interface.batched else []
    inputs, outputs = (
        [{"name": spec.name, "datatype": spec.datatype.value, "shape": [*rows, *spec.shape]} for spec in specs]
        for specs in (served.interface.inputs, served.interface.outputs)
    )
    return {"name": served.name, "versions": [VERSION], "platform": "ray", "inputs": inputs, "outputs": outputs}
