"""Models of a few bytes in MLflow's layout: good ones, and ones that go wrong in one way each."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import yaml
from onnx import TensorProto, helper

SIGNATURE = {
    "inputs": json.dumps([{"name": "x", "type": "float", "required": True}]),
    "outputs": json.dumps([{"name": "y", "type": "float", "required": True}]),
    "params": None,
}


def mlmodel(folder: Path, flavors: dict[str, object]) -> Path:
    """The folder with its `MLmodel`, and a recorded sample: y is twice x."""
    document = {"flavors": flavors, "signature": SIGNATURE, "model_uuid": "0" * 32}
    (folder / "MLmodel").write_text(yaml.safe_dump(document), encoding="utf-8")
    (folder / "input_example.json").write_text(json.dumps({"columns": ["x"], "data": [[1.0], [2.5], [-3.0]]}))
    answers = {"predictions": [{"y": 2.0}, {"y": 5.0}, {"y": -6.0}]}
    (folder / "sample_answer.json").write_text(json.dumps(answers))
    return folder


def onnx_model(folder: Path, factor: float = 2.0) -> Path:
    """A graph that multiplies; the recorded answers are those of the factor 2."""
    folder.mkdir(parents=True)
    constant = helper.make_node("Constant", [], ["k"], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [factor]))
    graph = helper.make_graph(
        [constant, helper.make_node("Mul", ["x", "k"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    onnx.checker.check_model(str(folder / "model.onnx"))
    return mlmodel(folder, {"onnx": {"data": "model.onnx", "onnx_version": onnx.__version__}})


def broken_onnx(folder: Path) -> Path:
    """A graph whose bytes are cut."""
    whole = onnx_model(folder) / "model.onnx"
    whole.write_bytes(whole.read_bytes()[:20])
    return folder


def pyfunc_model(folder: Path, body: str) -> Path:
    """A model of any code: `body` is that of `predict(self, frame)`, with `np`, `os`, `psutil` and `time` at hand."""
    (folder / "code").mkdir(parents=True)
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    source = "import os, time\nimport numpy as np, psutil\n\n\nclass Odd:\n    def predict(self, frame):\n" + lines
    loader = "\n\n\ndef _load_pyfunc(path):\n    return Odd()\n"
    name = f"odd_{folder.name}"
    (folder / "code" / f"{name}.py").write_text(source + loader, encoding="utf-8")
    flavor = {"loader_module": name, "code": "code", "data": "code", "python_version": "3.11"}
    return mlmodel(folder, {"python_function": flavor})


BODIES = {
    "nan": "return np.full((len(frame), 1), np.nan, dtype=np.float32)",
    "shape": "return np.zeros((len(frame), 2), dtype=np.float32)",
    "crash": "os.kill(os.getpid(), 9)",
    "crash_server": "[it.kill() for it in psutil.Process().parents() if '--model-repository' in str(it.cmdline())]",
    "slow": "time.sleep(5)\nreturn frame[['x']].to_numpy() * 2",
    "raises": "raise ValueError('no such country')",
}
