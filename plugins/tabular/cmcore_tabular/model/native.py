"""The native form: transform and estimator as one scikit-learn pipeline in a skops file with stable bytes."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.pipeline import Pipeline

from cmcore_tabular.errors import TabularError
from cmcore_tabular.transform.graph import FittedTransform

Probabilities = npt.NDArray[np.float64]

# The libraries whose types a model may hold. Everything else is code of somebody else, and is refused.
TRUSTED_PACKAGES = ("sklearn", "numpy", "scipy")
EPOCH = (1980, 1, 1, 0, 0, 0)


class RawFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """The fitted transform as a scikit-learn step: a frame of raw columns in, the feature matrix out.

    Its only state is the transform's JSON text, so that it is stored without pickle and nothing of it is code.
    """

    def __init__(self, document: str) -> None:
        self.document = document

    def fit(self, rows: object, label: object = None) -> Self:  # scikit-learn's signature
        """Nothing to do: it was fitted before."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, rows: object) -> Probabilities:
        """The feature matrix of a polars or pandas frame; values are exact 32-bit floats, held in 64."""
        fitted = FittedTransform.model_validate_json(self.document)
        frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame({n: rows[n] for n in fitted.input_names()})  # type: ignore[index] # a pandas frame or a dict of columns
        return fitted.matrix(fitted.raw_columns(frame)).astype(np.float64)


def native_pipeline(transform: FittedTransform, estimator: ClassifierMixin) -> Pipeline:
    """Transform and fitted estimator as one pipeline from raw row to probability."""
    return Pipeline([("transform", RawFeatures(transform.model_dump_json())), ("estimator", estimator)])


def write_native(path: Path, pipeline: Pipeline) -> list[str]:
    """Store the pipeline; returns the types that a loader must trust beyond skops's own list.

    Raises TabularError where the estimator holds something that is neither scikit-learn's nor NumPy's.
    """
    content = canonical_skops(skops.io.dumps(pipeline))
    trusted = sorted(skops.io.get_untrusted_types(data=content))
    refuse_foreign_types(trusted)
    path.write_bytes(content)
    return trusted


def read_native(path: Path) -> Pipeline:
    """Load a pipeline; types of any package that is not on our own list are refused, whatever the file says."""
    untrusted = sorted(skops.io.get_untrusted_types(file=path))
    refuse_foreign_types(untrusted)
    return skops.io.load(path, trusted=untrusted)


def refuse_foreign_types(names: list[str]) -> None:
    """Raise TabularError naming the types that no model may hold."""
    ours = f"{RawFeatures.__module__}.{RawFeatures.__qualname__}"
    if foreign := [name for name in names if name != ours and name.partition(".")[0] not in TRUSTED_PACKAGES]:
        raise TabularError(
            f"the model holds {', '.join(foreign)}; only types of {', '.join(TRUSTED_PACKAGES)} can be stored safely. "
            f"Use a scikit-learn estimator, and put features of your own into Transform"
        )


def positive_probability(pipeline: Pipeline, frame: pl.DataFrame) -> Probabilities:
    """The probability of label 1 for each row of a frame of raw columns."""
    probabilities: Probabilities = np.asarray(pipeline.predict_proba(frame))[:, 1].astype(np.float64)
    return probabilities


def canonical_skops(content: bytes) -> bytes:
    """The same skops archive without what differs from call to call: memory addresses and the clock."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files.pop("schema.json"))
    names: dict[str, str] = {}
    _renumber(schema, names, {})
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as archive:
        _write_entry(archive, "schema.json", json.dumps(schema, indent=1).encode())
        for old, new in sorted(names.items(), key=lambda item: item[1]):
            _write_entry(archive, new, files[old])
    return result.getvalue()


def _renumber(node: object, names: dict[str, str], numbers: dict[int, int]) -> None:
    if isinstance(node, dict):
        if "__id__" in node:
            # JSON values are small and shared by accident of interning only: each gets a number of its own.
            key = node["__id__"] if node.get("__loader__") != "JsonNode" else -1 - len(numbers)
            node["__id__"] = numbers.setdefault(key, len(numbers) + 1)
        if isinstance(node.get("file"), str):
            old = node["file"]
            node["file"] = names.setdefault(old, f"{len(names):06d}{Path(old).suffix}")
        for value in node.values():
            _renumber(value, names, numbers)
    elif isinstance(node, list):
        for value in node:
            _renumber(value, names, numbers)


def _write_entry(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    archive.writestr(entry, content)
