"""OnnxPredictor: a model's ONNX graph in onnxruntime. One file without relatives: it is copied beside model servers.

What the graph calls its tensors and what the interface calls them is matched by name, and by position where that says
nothing; ranks and types are adapted, because a column is `[rows, 1]` in the protocol and often `[rows]` in a graph.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
import onnxruntime

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]
CPU = "CPUExecutionProvider"
DTYPES = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "BYTES": np.object_,
}  # fmt: skip
GRAPH_TYPES = {
    "tensor(bool)": "BOOL", "tensor(uint8)": "UINT8", "tensor(uint16)": "UINT16", "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64", "tensor(int8)": "INT8", "tensor(int16)": "INT16", "tensor(int32)": "INT32",
    "tensor(int64)": "INT64", "tensor(float16)": "FP16", "tensor(float)": "FP32", "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}  # fmt: skip
UNNAMED = re.compile(r"(input|output)_\d+")


class Tensor(TypedDict):
    """One tensor of the interface; `shape` leaves out the rows of a batch."""

    name: str
    datatype: str
    shape: list[int]
    optional: bool


class Settings(TypedDict):
    """What the predictor is told."""

    inputs: list[Tensor]
    outputs: list[Tensor]
    batched: bool
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An input or output of the graph; `rank` is None where the graph leaves it open."""

    name: str
    datatype: str
    rank: int | None


class OnnxPredictor:
    """Raises ValueError where the folder's graph and the interface do not fit, and onnxruntime's own errors."""

    def __init__(self, folder: str | Path, settings: Settings) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = max(settings["threads"], 1), 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # several models share the cores
        path = graph_file(Path(folder))
        self._session = onnxruntime.InferenceSession(str(path), options, providers=providers(Path(folder)))
        self._settings = settings
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        given, made = [node_of(each) for each in inputs], [node_of(each) for each in outputs]
        self._stacked = stacks(settings["inputs"], given)
        self._inputs = {} if self._stacked else paired(settings["inputs"], given, "input")
        self._fed = given
        self._outputs = paired(settings["outputs"], made, "output", all_of_graph=False)

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs of the interface; nothing is computed for no rows."""
        rows = rows_of(inputs) if self._settings["batched"] else None
        if rows == 0:
            return {tensor["name"]: no_rows(tensor) for tensor in self._settings["outputs"]}
        feed = self._stack(inputs) if self._stacked else self._feed(inputs, rows)
        answers = self._session.run([node.name for node in self._outputs.values()], feed)
        return {
            tensor["name"]: promised(answer, tensor, rows)
            for tensor, answer in zip(self._settings["outputs"], answers, strict=True)
        }

    def _feed(self, inputs: Mapping[str, Array], rows: int | None) -> dict[str, Array]:
        by_node = {node.name: inputs[name] for name, node in self._inputs.items() if name in inputs}
        return {
            node.name: fitted(by_node[node.name], node, self._settings["batched"])
            if node.name in by_node
            else missing(node, rows)
            for node in self._fed
        }

    def _stack(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        node, rows = self._fed[0], rows_of(inputs)
        columns = [
            inputs[it["name"]].reshape(rows, 1) if it["name"] in inputs else missing_column(node, rows)
            for it in self._settings["inputs"]
        ]
        return {node.name: np.concatenate([converted(column, node.datatype) for column in columns], axis=1)}


def graph_file(folder: Path) -> Path:
    """The graph that `MLmodel` names, else `model.onnx`, else the only one there; raises ValueError."""
    named = re.search(r"^\s+data:\s*(.+?)\s*$", flavor_text(folder), re.MULTILINE)
    found = sorted(folder.glob("*.onnx"))
    only = found[0].name if len(found) == 1 else "model.onnx"
    path = (folder / (named[1].strip("'\"") if named else only)).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"{folder / 'MLmodel'} names a graph outside its folder: {path}")
    if not path.is_file():
        there = ", ".join(each.name for each in found) or "none"
        raise ValueError(f"the ONNX graph {path} does not exist; graphs in the folder: {there}")
    return path


def flavor_text(folder: Path) -> str:
    """The lines of the flavor `onnx` in `MLmodel`, read without a YAML library; empty where they are not found."""
    path = folder / "MLmodel"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    flavors = re.search(r"^flavors:[ \t]*\n((?:[ \t]+.*\n|[ \t]*\n)+)", f"{text}\n", re.MULTILINE)
    own = re.search(r"^([ \t]+)onnx:[ \t]*\n((?:\1[ \t]+.*\n|\1- .*\n)+)", flavors[1] if flavors else "", re.MULTILINE)
    return own[2] if own else ""


def providers(folder: Path) -> list[str]:
    """What the model asks to run on, as far as this onnxruntime has it; the CPU at the end."""
    asked = re.findall(r"\b\w+ExecutionProvider\b", flavor_text(folder))
    there = onnxruntime.get_available_providers()
    return [*(name for name in dict.fromkeys(asked) if name in there and name != CPU), CPU]


def node_of(argument: onnxruntime.NodeArg) -> Node:
    """One end of the graph."""
    shape = argument.shape
    return Node(
        name=argument.name,
        datatype=GRAPH_TYPES.get(argument.type, argument.type),
        rank=len(shape) if isinstance(shape, list) and shape else None,
    )


def stacks(inputs: Sequence[Tensor], nodes: Sequence[Node]) -> bool:
    """Whether the interface has a column each for what is one matrix in the graph."""
    columns = all(it["shape"] == [1] for it in inputs)
    return columns and len(inputs) > 1 and len(nodes) == 1 and nodes[0].rank == 2


def paired(
    tensors: Sequence[Tensor], nodes: Sequence[Node], side: str, *, all_of_graph: bool = True
) -> dict[str, Node]:
    """The graph's node of each tensor: of the same name, else in the same position where names say nothing; raises
    ValueError. An optional tensor may have none."""
    by_name = {node.name: node for node in nodes}
    named = {it["name"]: by_name[it["name"]] for it in tensors if it["name"] in by_name}
    left = [it for it in tensors if it["name"] not in named]
    spare = [node for node in nodes if node.name not in named]
    nameless = len(left) == len(spare) == 1 or all(UNNAMED.fullmatch(it["name"]) for it in left)
    if left and nameless and len(spare) >= len(left):
        named |= {it["name"]: node for it, node in zip(left, spare, strict=False)}
        left, spare = [], spare[len(left) :]
    wrong = [it["name"] for it in left if not it["optional"]]
    unfed = [node.name for node in spare] if all_of_graph and wrong else []
    if wrong:
        more = f"; {side}s of the graph that nothing is for: {', '.join(unfed)}" if unfed else ""
        raise ValueError(f"the graph has no {side} {', '.join(wrong)}; it has {', '.join(by_name)}{more}")
    return {it["name"]: named[it["name"]] for it in tensors if it["name"] in named}


def rows_of(inputs: Mapping[str, Array]) -> int:
    """How many rows a request has."""
    return next((len(array) for array in inputs.values()), 0)


def fitted(array: Array, node: Node, batched: bool) -> Array:
    """An array in the type and rank of the graph."""
    array = converted(array, node.datatype)
    if node.rank is None or array.ndim == node.rank:
        return array
    if array.ndim == node.rank + 1 and array.shape[-1] == 1:
        return array.reshape(array.shape[:-1])
    if array.ndim == node.rank - 1:
        return array[..., np.newaxis]
    told = "with its rows " if batched else ""
    raise ValueError(f"input {node.name!r} has {array.ndim} dimensions {told}and the graph wants {node.rank}")


def converted(array: Array, datatype: str) -> Array:
    """An array of a type that onnxruntime takes; texts are `str` there. Raises ValueError where values would change."""
    if datatype == "BYTES":
        return texts(array)
    if datatype not in DTYPES:
        raise ValueError(f"the graph has a tensor of {datatype}, which is not one of {', '.join(GRAPH_TYPES)}")
    wanted = np.dtype(DTYPES[datatype])
    if array.dtype == wanted:
        return array
    if array.dtype.kind == "f" and wanted.kind in "iu" and not np.array_equal(array, np.rint(array)):
        raise ValueError(f"values such as {array.flat[0]} are no whole numbers, and the graph wants {datatype}")
    return array.astype(wanted)


def texts(array: Array) -> Array:
    """Texts as `str`, a missing one empty; the array itself where all are."""
    if array.dtype == object and set(map(type, array.reshape(-1).tolist())) <= {str}:
        return array
    result = np.empty(array.shape, dtype=object)
    result.reshape(-1)[:] = [as_text(value) for value in array.reshape(-1)]
    return result


def as_text(value: object) -> str:
    """One text; raises UnicodeDecodeError for bytes that are none."""
    if isinstance(value, bytes):
        return value.decode()
    return "" if value is None or value != value else str(value)  # noqa: PLR0124 # NaN is what differs from itself


def missing(node: Node, rows: int | None) -> Array:
    """What stands for an input that was left out: NaN, or an empty text; raises ValueError for the other types."""
    shape = (1 if rows is None else rows,) + (1,) * ((node.rank or 1) - 1)
    if node.datatype == "BYTES":
        return np.full(shape, "", dtype=object)
    if node.datatype.startswith("FP"):
        return np.full(shape, np.nan, dtype=DTYPES[node.datatype])
    raise ValueError(f"input {node.name!r} was not given, and {node.datatype} has no value that says so")


def missing_column(node: Node, rows: int) -> Array:
    """The column of a matrix that was left out."""
    return missing(Node(name=node.name, datatype=node.datatype, rank=2), rows)


def no_rows(tensor: Tensor) -> Array:
    """The answer for no rows."""
    return np.empty((0, *(max(size, 0) for size in tensor["shape"])), dtype=DTYPES[tensor["datatype"]])


def promised(answer: object, tensor: Tensor, rows: int | None) -> Array:
    """An answer of the graph in the type and shape of the interface; raises ValueError where it has another size."""
    array = as_array(answer)
    shape = tuple(([] if rows is None else [rows]) + tensor["shape"])
    fits = array.ndim == len(shape) and all(want in (-1, has) for want, has in zip(shape, array.shape, strict=True))
    if not fits:
        try:
            array = array.reshape(shape)
        except ValueError:
            found, asked = list(array.shape), list(shape)
            raise ValueError(f"output {tensor['name']!r} has the shape {found}, and {asked} is promised") from None
    return array if tensor["datatype"] == "BYTES" else array.astype(DTYPES[tensor["datatype"]], copy=False)


def as_array(answer: object) -> Array:
    """A tensor, or what scikit-learn's converter makes of probabilities: one dict of classes per row."""
    if isinstance(answer, list) and answer and isinstance(answer[0], dict):
        return np.array([list(row.values()) for row in answer])
    return np.asarray(answer)
