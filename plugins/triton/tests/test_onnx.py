"""An ONNX graph of columns is served by the predictor of the flavor onnx."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import yaml
from onnx import TensorProto, helper

from cmcore.inference.datatype import DataType
from cmcore.inference.interface import read_model
from cmcore.inference.request import InferenceRequest
from cmcore.serving.backend import Flavor, Placement, Protocol
from cmcore.testing.serving_models import tensor
from cmcore_triton.backend import TritonBackend
from cmcore_triton.model_folder import Runners, model_folders
from cmcore_triton.payload import served_graph

REQUEST = InferenceRequest(
    inputs=(
        tensor("distance", DataType.FP64, [[100.0], [200.0]]), tensor("carrier", DataType.BYTES, [["AA"], ["unknown"]]),
    )
)  # fmt: skip


@pytest.fixture
def flights(tmp_path: Path) -> Placement:
    """Columns without a dimension of their own in the graph: distance plus a number for the carrier."""
    folder = tmp_path / "flights"
    folder.mkdir()
    columns = [("distance", TensorProto.DOUBLE), ("carrier", TensorProto.STRING)]
    nodes = [
        helper.make_node("Cast", ["distance"], ["miles"], to=TensorProto.FLOAT),
        helper.make_node(
            "LabelEncoder", ["carrier"], ["code"], domain="ai.onnx.ml",
            keys_strings=["AA", "UA"], values_floats=[1.0, 2.0], default_float=-1.0,
        ),
        helper.make_node("Add", ["miles", "code"], ["delayed"]),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes, "flights",
        [helper.make_tensor_value_info(name, kind, ["rows"]) for name, kind in columns],
        [helper.make_tensor_value_info("delayed", TensorProto.FLOAT, ["rows"])],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), str(folder / "model.onnx"))
    signature = {
        "inputs": json.dumps([{"name": "distance", "type": "double"}, {"name": "carrier", "type": "string"}]),
        "outputs": json.dumps([{"name": "delayed", "type": "float"}]),
    }
    document = {"flavors": {"onnx": {"data": "model.onnx"}}, "signature": signature}
    (folder / "MLmodel").write_text(yaml.safe_dump(document))
    interface = read_model(folder).interface
    assert interface is not None
    flavor = Flavor(name="onnx", factory="cmcore_models.onnx_predictor:OnnxPredictor")
    return Placement(name="flights-v1", folder=folder, interface=interface, flavor=flavor, owner={"project": "flights"})


def test_tritons_own_backend_can_serve_the_graph(flights: Placement) -> None:
    assert served_graph(flights) is not None


def test_a_graph_of_other_types_is_left_to_the_predictor(flights: Placement) -> None:
    interface = flights.interface
    ends = (replace(interface.inputs[0], datatype=DataType.FP32), interface.inputs[1])
    other = interface.model_copy(update={"inputs": ends})
    assert served_graph(flights.model_copy(update={"interface": other})) is None


def test_a_server_with_the_onnx_backend_gets_the_graph_itself(flights: Placement, tmp_path: Path) -> None:
    [(_, write)] = model_folders(flights, Runners(onnx=True))
    target = tmp_path / "target"
    target.mkdir()
    write(target)
    files = sorted(str(file.relative_to(target)) for file in target.rglob("*") if file.is_file())
    assert (files, "onnxruntime" in (target / "config.pbtxt").read_text()) == (["1/model.onnx", "config.pbtxt"], True)


@pytest.mark.integration
@pytest.mark.parametrize("protocol", list(Protocol), ids=str)
def test_a_graph_of_columns_is_served(triton: TritonBackend, flights: Placement, protocol: Protocol) -> None:
    name = f"flights-{protocol}"
    triton.place(flights.model_copy(update={"name": name}))
    triton.load(name)
    answer = triton.infer(name, REQUEST, protocol=protocol).output("delayed")
    triton.unload(name)
    triton.remove(name)
    assert (answer.shape, answer.data) == ((2, 1), (101.0, 199.0))
