"""SklearnPredictor: a scikit-learn model in a skops file. One file without relatives: it is copied beside servers.

A pickle is never loaded, because loading one runs whatever it holds.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
import skops.io
from sklearn.base import BaseEstimator
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped] # has no types; scikit-learn needs it too

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]
DTYPES = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "BYTES": np.object_,
}  # fmt: skip
LABELS = frozenset({"label", "labels", "prediction", "predictions", "predicted", "class", "output_label"})


class Tensor(TypedDict):
    """One tensor of the interface; `shape` leaves out the rows of a batch."""

    name: str
    datatype: str
    shape: list[int]
    optional: bool


class Settings(TypedDict):
    """What the predictor is told."""

    inputs: list[Tensor]
    outputs: list[Tensor]
    batched: bool
    threads: int


class SklearnPredictor:
    """Raises ValueError for a model that may not be loaded, or that the interface does not fit."""

    def __init__(self, folder: str | Path, settings: Settings) -> None:
        self._settings = settings
        self._model = loaded(Path(folder))
        self._is_columns = all(it["shape"] == [1] for it in settings["inputs"])
        self._names = [str(name) for name in getattr(self._model, "feature_names_in_", ())]
        self._threads = ThreadpoolController()
        self._matrix = hasattr(self._model, "n_features_in_") and not self._names

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs of the interface; nothing is computed for no rows."""
        rows = next((len(array) for array in inputs.values()), 0)
        outputs = self._settings["outputs"]
        if rows == 0:
            return {it["name"]: no_rows(it) for it in outputs}
        given = self._given(inputs, rows)
        asked = {it["name"]: method(it, self._model) for it in outputs}
        with self._threads.limit(limits=max(self._settings["threads"], 1)):
            answers = {name: self._asked(name, given) for name in dict.fromkeys(asked.values())}
        return {it["name"]: promised(answers[asked[it["name"]]], it, self._answered(it, asked)) for it in outputs}

    def _asked(self, name: str, given: object) -> Array:
        return np.asarray(self._model.predict(given) if name == "predict" else self._model.predict_proba(given))

    def _given(self, inputs: Mapping[str, Array], rows: int) -> object:
        """What this model takes: a tensor as it is; columns as a data frame if it was fitted on one, as a matrix if it
        was fitted on one, else by name."""
        if not self._is_columns:
            if len(inputs) > 1:
                raise ValueError(f"a scikit-learn model takes one tensor, and the interface has {', '.join(inputs)}")
            return next(iter(inputs.values()))
        columns = {
            it["name"]: texts(inputs[it["name"]]).reshape(rows)
            if it["datatype"] == "BYTES" and it["name"] in inputs
            else inputs[it["name"]].reshape(rows)
            if it["name"] in inputs
            else missing(it, rows)
            for it in self._settings["inputs"]
        }
        if self._names:
            return frame(columns, self._names)
        return np.column_stack(list(columns.values())) if self._matrix else columns

    def _answered(self, tensor: Tensor, asked: Mapping[str, str]) -> int | None:
        """Which column of a matrix of answers is this output; None where it is all of it."""
        alike = [it["name"] for it in self._settings["outputs"] if asked[it["name"]] == asked[tensor["name"]]]
        if tensor["shape"] not in ([], [1]):
            return None
        classes = [str(label) for label in getattr(self._model, "classes_", ())]
        if asked[tensor["name"]] == "predict_proba":
            if tensor["name"] in classes:
                return classes.index(tensor["name"])
            if len(classes) == 2 and len(alike) == 1:
                return 1  # the probability of the positive class
        return alike.index(tensor["name"]) if len(alike) > 1 else None


def loaded(folder: Path) -> BaseEstimator:
    """The folder's model; raises ValueError for a pickle, and for types that `MLmodel` does not trust."""
    named = [str(name) for name in entry(folder, "pickled_model")]
    found = sorted(each.name for each in folder.glob("*.skops"))
    path = (folder / (named[0] if named else found[0] if len(found) == 1 else "model.skops")).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"{folder / 'MLmodel'} names a model outside its folder: {path}")
    if not path.is_file():
        raise ValueError(f"the model {path} does not exist; skops files in the folder: {', '.join(found) or 'none'}")
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{path.name} is no skops file. A pickle is not loaded: that runs whatever code it holds. Save the model "
            "with serialization_format='skops', or serve its flavor onnx"
        )
    trusted = entry(folder, "skops_trusted_types")
    if foreign := sorted(set(skops.io.get_untrusted_types(file=path)) - set(trusted)):
        raise ValueError(f"{path.name} holds {', '.join(foreign)}, which skops_trusted_types in MLmodel does not name")
    return skops.io.load(path, trusted=trusted)


def entry(folder: Path, key: str) -> list[str]:
    """What the flavor `sklearn` in `MLmodel` says under a key, one text or several; read without a YAML library."""
    path = folder / "MLmodel"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    flavors = re.search(r"^flavors:[ \t]*\n((?:[ \t]+.*\n|[ \t]*\n)+)", f"{text}\n", re.MULTILINE)
    own = re.search(
        r"^([ \t]+)sklearn:[ \t]*\n((?:\1[ \t]+.*\n|\1- .*\n)+)", flavors[1] if flavors else "", re.MULTILINE
    )
    said = re.search(rf"^([ \t]+){key}:[ \t]*(.*)\n((?:\1[ \t]*- .*\n)*)", own[2] if own else "", re.MULTILINE)
    if said is None:
        return []
    values = re.findall(r"^[ \t]*- (.+)$", said[3], re.MULTILINE) if said[3] else said[2].strip("[]").split(",")
    return [value.strip().strip("'\"") for value in values if value.strip() not in ("", "null")]


def method(tensor: Tensor, model: BaseEstimator) -> str:
    """What answers an output: probabilities for a float of a classifier that is not called a label, else `predict`."""
    probable = tensor["datatype"].startswith("FP") and tensor["name"].lower() not in LABELS
    return "predict_proba" if probable and hasattr(model, "predict_proba") else "predict"


def frame(columns: Mapping[str, Array], names: Sequence[str]) -> object:
    """A data frame with the columns in the order of the fit; raises ValueError where there is no pandas."""
    if absent := [name for name in names if name not in columns]:
        raise ValueError(f"the model was fitted on {', '.join(absent)}, which the interface does not have")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas warns of optional libraries that it would like
            import pandas as pd  # type: ignore[import-untyped] # pandas has no types here
    except ImportError as error:
        raise ValueError("the model was fitted on a data frame; it needs pandas here: pip install pandas") from error
    return pd.DataFrame({name: columns[name] for name in names})


def texts(array: Array) -> Array:
    """Texts as `str`."""
    result = np.empty(array.shape, dtype=object)
    result.reshape(-1)[:] = [it.decode() if isinstance(it, bytes) else it for it in array.reshape(-1)]
    return result


def missing(tensor: Tensor, rows: int) -> Array:
    """The column of an input that was left out; raises ValueError where its type has no missing value."""
    if tensor["datatype"] == "BYTES":
        return np.full(rows, "", dtype=object)
    if tensor["datatype"].startswith("FP"):
        return np.full(rows, np.nan)
    raise ValueError(f"input {tensor['name']!r} was not given, and {tensor['datatype']} has no value that says so")


def no_rows(tensor: Tensor) -> Array:
    """The answer for no rows."""
    return np.empty((0, *(max(size, 0) for size in tensor["shape"])), dtype=DTYPES[tensor["datatype"]])


def promised(answer: Array, tensor: Tensor, column: int | None) -> Array:
    """An answer in the type and shape of the interface; raises ValueError where it has another size."""
    part = answer[:, column] if column is not None and answer.ndim == 2 else answer
    shape = (len(answer), *tensor["shape"])
    try:
        part = part.reshape(shape)
    except ValueError:
        found = list(part.shape)
        raise ValueError(f"output {tensor['name']!r} has the shape {found}, and {list(shape)} is promised") from None
    return texts(part.astype(object)) if tensor["datatype"] == "BYTES" else part.astype(DTYPES[tensor["datatype"]])
