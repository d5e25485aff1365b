"""What an ONNX file takes and gives, read without an ONNX library.

The format is protobuf: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Only the few fields on the way are read.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cmcore.inference.datatype import DataType

GRAPH, INITIALIZER, INPUT, OUTPUT = 7, 5, 11, 12
NAME, INITIALIZER_NAME, TYPE, TENSOR, ELEMENT, SHAPE, DIM = 1, 8, 2, 1, 1, 2, 1
ELEMENTS = {
    1: DataType.FP32, 2: DataType.UINT8, 3: DataType.INT8, 4: DataType.UINT16, 5: DataType.INT16, 6: DataType.INT32,
    7: DataType.INT64, 8: DataType.BYTES, 9: DataType.BOOL, 10: DataType.FP16, 11: DataType.FP64, 12: DataType.UINT32,
    13: DataType.UINT64,
}  # fmt: skip
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class GraphTensor:
    """One end of the graph: its type, None where Triton has none such, and how many dimensions it has."""

    datatype: DataType | None
    rank: int


@dataclass(frozen=True, slots=True)
class Graph:
    """The graph's ends by name, those without a known shape left out. `fed` are the names that a caller must give."""

    tensors: Mapping[str, GraphTensor]
    fed: frozenset[str]


def read_graph(path: Path) -> Graph | None:
    """The graph of a file; None where it is no ONNX file."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return graph_of(data)
    except (OSError, ValueError, IndexError):
        return None


def graph_of(data: mmap.mmap) -> Graph | None:
    """The graph in a file's bytes."""
    for graph in parts(data, (0, len(data)), GRAPH):
        weights = {
            text(data, name) for it in parts(data, graph, INITIALIZER) for name in parts(data, it, INITIALIZER_NAME)
        }
        inputs, outputs = (list(parts(data, graph, side)) for side in (INPUT, OUTPUT))
        names = {text(data, name) for value in inputs for name in parts(data, value, NAME)}
        return Graph(dict(ends(data, [*inputs, *outputs])), frozenset(names - weights))
    return None


def ends(data: mmap.mmap, values: list[Span]) -> Iterator[tuple[str, GraphTensor]]:
    """Name and kind of each end that is a tensor of a known number of dimensions."""
    for value in values:
        for name in parts(data, value, NAME):
            for tensor in (tensor for kind in parts(data, value, TYPE) for tensor in parts(data, kind, TENSOR)):
                element = next((number for number in numbers(data, tensor, ELEMENT)), 0)
                for shape in parts(data, tensor, SHAPE):
                    rank = sum(1 for _ in parts(data, shape, DIM))
                    yield text(data, name), GraphTensor(ELEMENTS.get(element), rank)


def text(data: mmap.mmap, span: Span) -> str:
    """A text field."""
    return data[span[0] : span[1]].decode()


def parts(data: mmap.mmap, span: Span, wanted: int) -> Iterator[Span]:
    """Where the fields of one number begin and end that have a length."""
    return (found for number, found in fields(data, span) if number == wanted and isinstance(found, tuple))


def numbers(data: mmap.mmap, span: Span, wanted: int) -> Iterator[int]:
    """The values of the fields of one number that are numbers."""
    return (found for number, found in fields(data, span) if number == wanted and isinstance(found, int))


def fields(data: mmap.mmap, span: Span) -> Iterator[tuple[int, int | Span]]:
    """Number and value, or beginning and end, of each field; raises ValueError where it is no protobuf."""
    at, end = span
    while at < end:
        tag, at = varint(data, at)
        value: int | Span = 0
        match tag & 7:
            case 0:
                value, at = varint(data, at)
            case 1:
                at += 8
            case 5:
                at += 4
            case 2:
                size, start = varint(data, at)
                at = start + size
                value = (start, at)
            case _:
                raise ValueError("no protobuf")
        if at > end:
            raise ValueError("a field ends after its message")
        yield tag >> 3, value


def varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """A number and where it ends; raises ValueError."""
    value = shift = 0
    while shift < 70:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("a number has too many bytes")
