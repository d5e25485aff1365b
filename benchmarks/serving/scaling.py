"""A project whose registered models multiply by a number: version 1.0.0 by 1, 1.0.1 by 2, and so on.

So an answer says which version gave it. `x` FP32 [rows, 1] in, `y` FP32 [rows, 1] out, as ONNX.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import yaml
from onnx import TensorProto, helper

from cmcore.artifacts import Model
from cmcore.inference import DataType, InferenceRequest, Tensor
from cmcore.pipelines.build import importer, pipeline
from cmcore.stack import Project

MODEL = "scale"
X = json.dumps([{"name": "x", "type": "float"}])
Y = json.dumps([{"name": "y", "type": "float"}])


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a model: nobody knows its operator, it gives another shape than promised, or NaN."""

    unknown: bool = False
    wide: bool = False
    nan: bool = False


SOUND = Trouble()


def write_model(folder: Path, factor: float, trouble: Trouble = SOUND) -> None:
    """A model in MLflow's layout."""
    folder.mkdir(parents=True)
    document = {"flavors": {"onnx": {"data": "model.onnx"}}, "signature": {"inputs": X, "outputs": Y}}
    (folder / "MLmodel").write_text(yaml.safe_dump(document), encoding="utf-8")
    example = {"columns": ["x"], "data": [[1.0], [2.0]]}
    (folder / "input_example.json").write_text(json.dumps(example), encoding="utf-8")
    (folder / "model.onnx").write_bytes(onnx_bytes(factor, trouble))


def onnx_bytes(factor: float, trouble: Trouble) -> bytes:
    """The graph: x times the factor; twice beside each other where it is to be wide."""
    value = float("nan") if trouble.nan else factor
    width = 2 if trouble.wide else 1
    constant = helper.make_tensor("factor", TensorProto.FLOAT, [1, width], [value] * width)
    graph = helper.make_graph(
        [helper.make_node("NoSuchOperator" if trouble.unknown else "Mul", ["x", "factor"], ["y"])], "scale",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", width])], initializer=[constant],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    content: bytes = model.SerializeToString()
    return content


@pipeline
def bring(folder: str) -> None:
    importer(uri=folder, type=Model)


def register(project: Project, factor: float, trouble: Trouble = SOUND) -> str:
    """Import a model and make it a version; its reference."""
    folder = project.folder / f"models/{factor:g}"
    write_model(folder, factor, trouble)
    result = project.run(bring, {"folder": str(folder)}, source=Path(__file__))
    result.check()
    execution = project.lineage.executions(result.run)[0]
    registered = project.register(execution.outputs[0].artifact, name=MODEL, reason="a test")
    return str(registered.version)


def to_scale(*values: float, id: str = "") -> InferenceRequest:  # noqa: A002 # the protocol's word
    """A request with these rows."""
    x = Tensor(name="x", datatype=DataType.FP32, shape=(len(values), 1), data=values)
    return InferenceRequest(inputs=(x,), id=id)
