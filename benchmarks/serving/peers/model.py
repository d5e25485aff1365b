"""The flights model that all of them serve, and one row of it as each of them wants to be asked."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import JsonValue

from benchmarks.batch import BUILT
from cmcore.inference.interface import Interface, read_model
from cmcore.inference.sample import recorded_rows, request_of

FOLDER = BUILT / "model"


def interface() -> Interface:
    """The model's interface."""
    found = read_model(FOLDER).interface
    assert found is not None  # its trainer writes a signature
    return found


def row() -> dict[str, object]:
    """The first recorded row, zero where it has no number: MLServer reads no NaN."""
    return {name: 0.0 if value is None else value for name, value in recorded_rows(FOLDER)[0].items()}


def protocol_body(*, pandas: bool = False) -> bytes:
    """The row by the Open Inference Protocol; with the content types that MLServer's runtime for MLflow asks for."""
    document = request_of([row()], interface(), id="bench").document()
    if pandas:
        inputs = document["inputs"]
        assert isinstance(inputs, list)
        document["parameters"] = {"content_type": "pd"}
        document["inputs"] = [with_content_type(tensor) for tensor in inputs]
    return json.dumps(document).encode()


def with_content_type(tensor: JsonValue) -> JsonValue:
    """Texts say that they are texts."""
    assert isinstance(tensor, dict)
    return {**tensor, "parameters": {"content_type": "str"}} if tensor["datatype"] == "BYTES" else tensor


def mlflow_body() -> bytes:
    """The row as MLflow's scoring server takes it."""
    columns, values = zip(*row().items(), strict=True)
    return json.dumps({"dataframe_split": {"columns": list(columns), "data": [list(values)]}}).encode()


def bento_body() -> bytes:
    """The row as our BentoML service takes it."""
    return json.dumps({"columns": {name: [value] for name, value in row().items()}}).encode()


def hand_written(repository: Path) -> None:
    """A model repository for Triton as one writes it by hand."""
    version = repository / "flights" / "1"
    version.mkdir(parents=True)
    (version / "model.py").write_bytes((Path(__file__).with_name("triton_model.py")).read_bytes())
    (version / "model.onnx").write_bytes((FOLDER / "model.onnx").read_bytes())
    types = {"BYTES": "STRING"}
    inputs = ", ".join(
        f'{{ name: "{each.name}" data_type: TYPE_{types.get(each.datatype, each.datatype)} dims: [ 1 ] }}'
        for each in interface().inputs
    )
    (repository / "flights" / "config.pbtxt").write_text(
        f'name: "flights"\nbackend: "python"\nmax_batch_size: 64\ninput [ {inputs} ]\n'
        'output [ { name: "probability" data_type: TYPE_FP32 dims: [ 1 ] } ]\n',
        encoding="utf-8",
    )
