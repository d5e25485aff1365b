"""Small payloads as plugins write them: a model in MLflow's layout, an evaluation, a schema, a blessing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import yaml

from cmcore.artifacts import Artifact, Blessing, Evaluation, LocalFolder, Model, Schema

A = TypeVar("A", bound=Artifact)
MODEL, BASELINE = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
SIGNATURE = {
    "inputs": '[{"type": "string", "name": "city", "required": true}, {"type": "double", "name": "wind"}]',
    "outputs": '[{"type": "float", "name": "probability", "required": true}]',
    "params": None,
}
MLMODEL: dict[str, object] = {
    "flavors": {"sklearn": {"pickled_model": "model.skops"}, "onnx": {"data": "model.onnx"}},
    "metadata": {"cmcore": {"label": "late", "classes": [0, 1], "estimator": "Forest"}},
    "model_uuid": "5e378a5f1f817c67b745618b59623c9c",
    "signature": SIGNATURE,
}
AUC = {"value": 0.9, "low": 0.88, "high": 0.92, "method": "DeLong", "reason": ""}
EVALUATION: dict[str, object] = {
    "model": MODEL,
    "level": 0.95,
    "higher_is_better": {"auc": True},
    "overall": {"rows": 100, "metrics": {"auc": AUC, "recall": {"value": None, "reason": "no row is positive"}}},
    "comparison": {"baseline": BASELINE, "differences": {"auc": {"value": 0.01, "low": 0.005, "high": 0.015}}},
    "slices": [],
}
COLUMNS: list[dict[str, object]] = [
    {"name": "city", "type": "string", "max_missing_share": 0.0, "domain": ["Bonn", "Oslo"]},
    {"name": "wind", "type": "float", "max_missing_share": 0.1, "min": 0.0},
    {"name": "late", "type": "int", "max_missing_share": 0.0, "domain": [0, 1]},
    {"name": "id", "type": "int", "domain": ["1"]},
]


def model(folder: Path, document: Mapping[str, object] | str = MLMODEL, *, digest: str = MODEL) -> Model:
    """A model folder; a text instead of a document is written as it is."""
    artifact = over(Model(), folder / "model", digest)
    text = document if isinstance(document, str) else yaml.safe_dump(document)
    (artifact.path / "MLmodel").write_text(text, encoding="utf-8")
    return artifact


def evaluation(folder: Path, document: Mapping[str, object] | str = EVALUATION) -> Evaluation:
    """An evaluation folder."""
    artifact = over(Evaluation(), folder / "evaluation", "sha256:e")
    text = document if isinstance(document, str) else json.dumps(document)
    (artifact.path / "evaluation.json").write_text(text, encoding="utf-8")
    return artifact


def schema(folder: Path, columns: list[dict[str, object]] = COLUMNS) -> Schema:
    """A schema folder."""
    artifact = over(Schema(), folder / "schema", "sha256:5c")
    (artifact.path / "schema.yaml").write_text(yaml.safe_dump({"columns": columns}), encoding="utf-8")
    return artifact


def blessing(folder: Path, *, blessed: bool = True, of: str = MODEL) -> Blessing:
    """A blessing, which is all properties."""
    return over(Blessing(blessed=blessed, current_model=of), folder / "blessing", "sha256:b")


def over(artifact: A, folder: Path, digest: str) -> A:
    """An artifact over a new folder."""
    folder.mkdir()
    return artifact.bound(LocalFolder(folder), digest=digest, name=f"r1/{folder.name}/1/{folder.name}/0")
