"""The folders of a model: those of its generations, in MLflow's layout and never changed, and the one that is placed.

What is placed names the store only, and follows its current generation.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from cmcore_hps.config.triton_model import TensorConfig, TritonModel
from cmcore_hps.serving.predictor import MODEL_FILE
from cmcore_hps.serving.tables import StoredTable

FLAVOR = "hps"
NUMPY_TYPES = {"TYPE_FP32": "float32", "TYPE_INT64": "int64", "TYPE_INT32": "int32", "TYPE_UINT32": "uint32"}
NETWORK_FILE, DENSE_FILE = "network.json", "dense.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a model's tables are looked up; `defaults` has one value per table, `cached` is the fraction of each."""

    defaults: tuple[float, ...]
    cached: float
    cache_bytes: int
    hit_rate_threshold: float
    output: str

    def cache_rows(self, table: StoredTable) -> int:
        """How many rows of a table are held in memory, by the fraction and by the bytes."""
        return min(math.ceil(self.cached * table.rows), self.cache_bytes // (4 * table.width + 16))


def digest(files: Mapping[str, bytes], settings: Settings) -> str:
    """SHA-256 over everything of a generation but its tables."""
    whole = hashlib.sha256(repr(settings).encode())
    for name, content in sorted(files.items()):
        whole.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return whole.hexdigest()


def write_generation(
    root: Path,
    name: str,
    files: Mapping[str, bytes],
    tables: Sequence[StoredTable],
    settings: Settings,
    model: TritonModel,
) -> Path:
    """Write the folder of a generation, whole or not at all; the folder."""
    document: dict[str, JsonValue] = {
        "store": str(root),
        "generation": name,
        "tables": [
            {"name": table.name, "width": table.width, "rows": table.rows,
             "version": table.version, "source": table.source,
             "default": default, "cache_rows": settings.cache_rows(table)}
            for table, default in zip(tables, settings.defaults, strict=True)
        ],
        "hit_rate_threshold": settings.hit_rate_threshold,
        "network": NETWORK_FILE if NETWORK_FILE in files else "",
        "dense": DENSE_FILE if NETWORK_FILE in files else "",
        "output": settings.output,
    }  # fmt: skip
    return _written(root / "models" / name, {**files, **_described(document, model)})


def write_placed(root: Path, model: TritonModel) -> Path:
    """Write the folder that is placed; the same for the same configuration."""
    files = _described({"store": str(root), "follow": True}, model)
    name = hashlib.sha256(b"\0".join(content for _, content in sorted(files.items()))).hexdigest()[:12]
    return _written(root / "placed" / name, files)


def _described(document: dict[str, JsonValue], model: TritonModel) -> dict[str, bytes]:
    mlmodel: dict[str, JsonValue] = {
        "flavors": {FLAVOR: {"data": MODEL_FILE}},
        "signature": {
            "inputs": json.dumps([_tensor(each) for each in model.input]),
            "outputs": json.dumps([_tensor(each) for each in model.output]),
        },
    }
    return {MODEL_FILE: json.dumps(document, indent=2).encode(), "MLmodel": json.dumps(mlmodel, indent=2).encode()}


def _tensor(config: TensorConfig) -> dict[str, JsonValue]:
    shape: list[JsonValue] = [-1, *config.dims]  # rows first: all of a HugeCTR model's inputs are batched
    return {
        "type": "tensor", "name": config.name,
        "tensor-spec": {"dtype": NUMPY_TYPES[config.data_type], "shape": shape},
    }  # fmt: skip


def _written(folder: Path, files: Mapping[str, bytes]) -> Path:
    if folder.exists():
        return folder
    unfinished = folder.parent / f".{folder.name}-{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)
    for name, content in files.items():
        path = unfinished / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    unfinished.rename(folder)
    return folder
