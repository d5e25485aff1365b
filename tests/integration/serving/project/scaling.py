"""A tiny model: twice, or so many times, its two numbers."""

from __future__ import annotations

import json

import onnx
from onnx import TensorProto, helper

from cmcore import OutputArtifact, Parameter, component, pipeline
from cmcore.artifacts import Model


@component
def train(model: OutputArtifact[Model], factor: Parameter[float], broken: Parameter[bool]) -> None:
    signature = {
        "inputs": json.dumps([{"name": "a", "type": "double"}, {"name": "n", "type": "long"}]),
        "outputs": json.dumps([{"name": "y", "type": "double"}]),
    }
    flavors = {"onnx": {"data": "model.onnx", "onnx_version": onnx.__version__}}
    document = {"flavors": flavors, "signature": signature, "metadata": {"cmcore": {"label": "y"}}}
    with model.open("MLmodel", "w") as stream:
        json.dump(document, stream)
    with model.open("input_example.json", "w") as stream:
        json.dump({"columns": ["a", "n"], "data": [[1.5, 2], [3.0, 4]]}, stream)
    with model.open("model.onnx", "wb") as stream:
        stream.write(b"no graph" if broken else graph(factor))


def graph(factor: float) -> bytes:
    """y = (a + n) * factor."""
    names = [("a", TensorProto.DOUBLE), ("n", TensorProto.INT64)]
    inputs = [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in names]
    output = helper.make_tensor_value_info("y", TensorProto.DOUBLE, [None, 1])
    times = helper.make_tensor("factor", TensorProto.DOUBLE, [1], [factor])
    nodes = [
        helper.make_node("Cast", ["n"], ["m"], to=TensorProto.DOUBLE),
        helper.make_node("Add", ["a", "m"], ["s"]),
        helper.make_node("Mul", ["s", "factor"], ["y"]),
    ]
    made = helper.make_model(
        helper.make_graph(nodes, "scaling", inputs, [output], [times]), opset_imports=[helper.make_opsetid("", 17)]
    )
    made.ir_version = 8
    return made.SerializeToString()


@pipeline
def scaling(factor: float = 2.0, broken: bool = False) -> None:
    train(factor=factor, broken=broken)
