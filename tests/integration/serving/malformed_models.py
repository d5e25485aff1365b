"""Two tiny models that any backend can serve, and good requests whose answers are known: where mutations begin."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import yaml
from onnx import TensorProto, helper
from pydantic import JsonValue

from cmcore.inference.interface import read_model
from cmcore.serving.backend import Flavor, Placement
from cmcore.serving.document import Batching, InferenceConfig
from cmcore.testing.serving_models import MAX_ROWS, OWNER, TINY_HARDWARE, TinyModels

FLIGHTS, DOUBLING = "cm-flights", "cm-doubling"
CODES = {"AA": 1.0, "UA": 2.0, "Zürich": -1.0, "": -1.0}
Document = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """A request that is answered, and the numbers of its one output."""

    model: str
    inputs: tuple[Document, ...]
    answers: tuple[float, ...]

    def document(self, **more: JsonValue) -> Document:
        """As JSON; a copy that may be changed."""
        copied: list[JsonValue] = [json.loads(json.dumps(each)) for each in self.inputs]
        return {"inputs": copied, **more}

    @property
    def path(self) -> str:
        """Where it is sent."""
        return f"/v2/models/{self.model}/infer"


def column(name: str, datatype: str, data: Sequence[JsonValue], width: int = 1) -> Document:
    """An input of rows."""
    return {"name": name, "datatype": datatype, "shape": [len(data) // width, width], "data": list(data)}


def good(model: str, chance: random.Random, rows: int = 0) -> Good:
    """A request for one of the models; small whole numbers, so that every float is exact."""
    rows = rows or chance.randint(1, 4)
    if model == DOUBLING:
        numbers = [float(chance.randint(-99, 99)) for _ in range(2 * rows)]
        return Good(model=model, inputs=(column("x", "FP32", numbers, 2),), answers=tuple(2 * each for each in numbers))
    distances = [float(chance.randint(0, 999)) for _ in range(rows)]
    hours = [chance.randint(0, 23) for _ in range(rows)]
    carriers = [chance.choice(list(CODES)) for _ in range(rows)]
    inputs = column("distance", "FP64", distances), column("hour", "INT64", hours), column("carrier", "BYTES", carriers)
    answers = [far + hour + CODES[who] for far, hour, who in zip(distances, hours, carriers, strict=True)]
    return Good(model=model, inputs=inputs, answers=tuple(answers))


def placements(folder: Path) -> tuple[Placement, Placement]:
    """Both models, written below the folder: an ONNX graph with columns as of flights, and the tiny `doubling`."""
    return flights(folder / FLIGHTS), TinyModels(folder=folder).doubling(DOUBLING)


def flights(folder: Path) -> Placement:
    """`delayed` FP32 is `distance` FP64 plus `hour` INT64 plus a number for `carrier` BYTES."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph())
    columns = [("distance", "double"), ("hour", "long"), ("carrier", "string")]
    signature = {
        "inputs": json.dumps([{"name": name, "type": kind} for name, kind in columns]),
        "outputs": json.dumps([{"name": "delayed", "type": "float"}]),
    }
    document = {"flavors": {"onnx": {"data": "model.onnx"}}, "signature": signature}
    (folder / "MLmodel").write_text(yaml.safe_dump(document), encoding="utf-8")
    interface = read_model(folder).interface
    assert interface is not None  # there is a signature
    return Placement(
        name=FLIGHTS,
        folder=folder,
        interface=interface,
        flavor=Flavor(name="onnx", factory="cmcore_models.onnx_predictor:OnnxPredictor"),
        deployment=TINY_HARDWARE,
        inference=InferenceConfig(batching=Batching(max_batch_size=MAX_ROWS, enabled=False)),
        owner=dict(OWNER),
    )


def graph() -> bytes:
    """That sum as ONNX."""
    kinds = [("distance", TensorProto.DOUBLE), ("hour", TensorProto.INT64), ("carrier", TensorProto.STRING)]
    nodes = [
        helper.make_node("Cast", ["distance"], ["miles"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["hour"], ["late"], to=TensorProto.FLOAT),
        helper.make_node(
            "LabelEncoder", ["carrier"], ["code"], domain="ai.onnx.ml",
            keys_strings=["AA", "UA"], values_floats=[1.0, 2.0], default_float=-1.0,
        ),
        helper.make_node("Add", ["miles", "late"], ["sum"]),
        helper.make_node("Add", ["sum", "code"], ["delayed"]),
    ]  # fmt: skip
    made = helper.make_graph(
        nodes, "flights", [helper.make_tensor_value_info(name, kind, ["rows", 1]) for name, kind in kinds],
        [helper.make_tensor_value_info("delayed", TensorProto.FLOAT, ["rows", 1])],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    content: bytes = helper.make_model(made, opset_imports=opsets, ir_version=9).SerializeToString()
    onnx.checker.check_model(content)
    return content
