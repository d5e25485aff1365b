"""What an ONNX file takes is read without an ONNX library; the library itself writes the files here."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from cmcore.inference.datatype import DataType
from cmcore_triton.onnx_graph import GraphTensor, read_graph


@pytest.fixture
def file(tmp_path: Path) -> Path:
    inputs = [
        helper.make_tensor_value_info("column", TensorProto.FLOAT, ["rows"]),
        helper.make_tensor_value_info("matrix", TensorProto.FLOAT, ["rows", 3]),
        helper.make_tensor_value_info("weight", TensorProto.FLOAT, [1]),
    ]
    outputs = [
        helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["rows"]),
        helper.make_tensor_value_info("open", TensorProto.FLOAT, None),
    ]
    nodes = [
        helper.make_node("Add", ["column", "weight"], ["sum"]),
        helper.make_node("Add", ["matrix", "weight"], ["open"]),
    ]
    weight = helper.make_tensor("weight", TensorProto.FLOAT, [1], [2.0])
    graph = helper.make_graph(nodes, "graph", inputs, outputs, [weight])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph), str(path))
    return path


def test_the_ends_of_a_graph_have_types_and_dimensions(file: Path) -> None:
    graph = read_graph(file)
    assert graph is not None
    assert {name: graph.tensors[name] for name in ("column", "matrix", "sum")} == {
        "column": GraphTensor(DataType.FP32, 1),
        "matrix": GraphTensor(DataType.FP32, 2),
        "sum": GraphTensor(DataType.FP32, 1),
    }


def test_an_end_without_a_known_shape_is_left_out(file: Path) -> None:
    graph = read_graph(file)
    assert graph is not None
    assert "open" not in graph.tensors


def test_weights_need_not_be_fed(file: Path) -> None:
    graph = read_graph(file)
    assert graph is not None
    assert graph.fed == {"column", "matrix"}


@pytest.mark.parametrize("content", [b"", b"no graph", b"\xff" * 99, b"\x3a\xff\x01"], ids=repr)
def test_what_is_no_graph_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    assert read_graph(tmp_path / "model.onnx") is None
