"""A model folder in MLflow's layout, written without MLflow: `MLmodel`, signature, flavours, environment, samples.

What the flavours hold is `onnx_model` and `native`. Nothing here may vary between two writings of one model.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import polars as pl
from pydantic import JsonValue
from sklearn.base import ClassifierMixin

from cmcore_tabular.documents import stable_json, write_json, write_yaml
from cmcore_tabular.model.native import native_pipeline, write_native
from cmcore_tabular.model.onnx_model import OUTPUT, OnnxScorer, onnx_model
from cmcore_tabular.transform.graph import TRANSFORM_FILE, FittedTransform, RawType

MODEL_FILE, ONNX_FILE, NATIVE_FILE = "MLmodel", "model.onnx", "model.skops"
CONDA_FILE, PYTHON_FILE, REQUIREMENTS_FILE = "conda.yaml", "python_env.yaml", "requirements.txt"
EXAMPLE_FILE, REQUEST_FILE, ANSWER_FILE = "input_example.json", "serving_input_example.json", "sample_answer.json"
SERVING_PACKAGES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "skops")
FLAVORS = ["onnx", "python_function", "sklearn"]


def write_model(
    folder: Path,
    transform: FittedTransform,
    estimator: ClassifierMixin,
    sample: pl.DataFrame,
    facts: dict[str, JsonValue],
) -> None:
    """Write everything but `MLmodel`, then that; `sample` are raw rows, `facts` go into its metadata."""
    onnx_bytes = onnx_model(transform, estimator).SerializeToString(deterministic=True)
    (folder / ONNX_FILE).write_bytes(onnx_bytes)
    trusted = write_native(folder / NATIVE_FILE, native_pipeline(transform, estimator))
    write_json(folder / TRANSFORM_FILE, transform)
    _write_environment(folder)
    _write_samples(folder, transform, sample, OnnxScorer(onnx_bytes))
    document = _mlmodel(folder, transform, trusted, facts)
    write_yaml(folder / MODEL_FILE, document)


def signature(transform: FittedTransform) -> dict[str, JsonValue]:
    """The signature over raw serving columns, in MLflow's form: JSON texts inside the YAML."""
    inputs = [{"type": str(column.type), "name": column.name, "required": True} for column in transform.inputs]
    outputs = [{"type": "float", "name": OUTPUT, "required": True}]
    return {"inputs": _one_line(inputs), "outputs": _one_line(outputs), "params": None}


def _mlmodel(
    folder: Path, transform: FittedTransform, trusted: Sequence[str], facts: dict[str, JsonValue]
) -> dict[str, JsonValue]:
    environment: dict[str, JsonValue] = {"conda": CONDA_FILE, "virtualenv": PYTHON_FILE}
    flavors: dict[str, JsonValue] = {
        "onnx": {
            "code": None, "data": ONNX_FILE, "onnx_session_options": None, "onnx_version": version("onnx"),
            "providers": ["CPUExecutionProvider"],
        },
        "python_function": {
            "data": ONNX_FILE, "env": environment, "loader_module": "mlflow.onnx",
            "python_version": platform.python_version(),
        },
        "sklearn": {
            "code": None, "pickled_model": NATIVE_FILE, "serialization_format": "skops",
            "skops_trusted_types": list(trusted), "sklearn_version": version("scikit-learn"),
        },
    }  # fmt: skip
    return {
        "flavors": flavors,
        "is_signature_from_type_hint": False,
        "metadata": {"cmcore": facts},
        "model_size_bytes": sum(file.stat().st_size for file in _files(folder)),
        "model_uuid": _content_id(folder, facts),
        "saved_input_example_info": {
            "artifact_path": EXAMPLE_FILE, "pandas_orient": "split", "serving_input_path": REQUEST_FILE,
            "type": "dataframe",
        },
        "signature": signature(transform),
        "type_hint_from_example": False,
    }  # fmt: skip


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MODEL_FILE)


def _content_id(folder: Path, facts: dict[str, JsonValue]) -> str:
    digest = sha256(stable_json(facts).encode())
    for file in _files(folder):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _write_environment(folder: Path) -> None:
    pins = [f"{name}=={version(name)}" for name in SERVING_PACKAGES]
    requirements = ["mlflow", "pandas<3", *pins]  # mlflow 3.17 cannot give the strings of pandas 3 to onnxruntime
    (folder / REQUIREMENTS_FILE).write_text("\n".join(requirements) + "\n", encoding="utf-8")
    python = platform.python_version()
    write_yaml(
        folder / PYTHON_FILE,
        {"python": python, "build_dependencies": ["pip", "setuptools", "wheel"],
         "dependencies": [f"-r {REQUIREMENTS_FILE}"]},
    )  # fmt: skip
    dependencies = [f"python={python}", "pip", {"pip": requirements}]
    write_yaml(folder / CONDA_FILE, {"channels": ["conda-forge"], "dependencies": dependencies, "name": "mlflow-env"})


def _write_samples(folder: Path, transform: FittedTransform, sample: pl.DataFrame, scorer: OnnxScorer) -> None:
    raw = transform.raw_columns(sample)
    columns = [_json_values(raw[column.name], column.type) for column in transform.inputs]
    table = {"columns": transform.input_names(), "data": [list(row) for row in zip(*columns, strict=True)]}
    write_json(folder / EXAMPLE_FILE, table)
    write_json(folder / REQUEST_FILE, {"dataframe_split": table})
    probabilities = scorer.probabilities(transform, sample)
    write_json(folder / ANSWER_FILE, {"predictions": [{OUTPUT: float(value)} for value in probabilities]})


def _json_values(values: pl.Series, kind: RawType) -> list[object]:
    if kind is RawType.DOUBLE:
        return list(values.fill_nan(None).to_list())
    return list(values.to_list())


def _one_line(value: object) -> str:
    return " ".join(stable_json(value).split())
