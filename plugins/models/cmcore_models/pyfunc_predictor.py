"""PyfuncPredictor: any model that MLflow can load. One file without relatives: it is copied beside model servers.

MLflow and what the model itself needs must be installed where it runs. Loading such a model runs its code.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow warns of its own dependencies while it is imported
    import mlflow.pyfunc
    import pandas as pd  # type: ignore[import-untyped] # pandas has no types here

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]
DTYPES = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "BYTES": np.object_,
}  # fmt: skip


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


class PyfuncPredictor:
    """Raises what MLflow and the model raise, and ValueError where an answer is not what the interface promises."""

    def __init__(self, folder: str | Path, settings: Settings) -> None:
        self._settings = settings
        self._model = mlflow.pyfunc.load_model(str(folder))
        signature = self._model.metadata.signature
        self._takes_frame = all(it["shape"] == [1] for it in settings["inputs"]) and not (
            signature and signature.inputs and signature.inputs.is_tensor_spec()
        )
        self._named = bool(signature and signature.inputs and signature.inputs.has_input_names())

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs of the interface; nothing is computed for no rows."""
        rows = next((len(array) for array in inputs.values()), 0) if self._settings["batched"] else None
        outputs = self._settings["outputs"]
        if rows == 0:
            return {it["name"]: no_rows(it) for it in outputs}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow warns of what it converts, at every call
            answer = self._model.predict(self._given(inputs))
        return {it["name"]: promised(part_of(answer, it, outputs), it, rows) for it in outputs}

    def _given(self, inputs: Mapping[str, Array]) -> object:
        texts = {it["name"] for it in self._settings["inputs"] if it["datatype"] == "BYTES"}
        arrays = {name: as_texts(array) if name in texts else array for name, array in inputs.items()}
        if self._takes_frame:
            return pd.DataFrame({name: column(array) for name, array in arrays.items()})
        return arrays if self._named or len(arrays) > 1 else next(iter(arrays.values()))


def column(array: Array) -> pd.Series:
    """A column of a data frame; texts stay Python's, which is what MLflow can pass on."""
    flat = array.reshape(len(array))
    return pd.Series(flat, dtype=object) if flat.dtype == object else pd.Series(flat)


def as_texts(array: Array) -> Array:
    """Texts as `str`."""
    result = np.empty(array.shape, dtype=object)
    result.reshape(-1)[:] = [it.decode() if isinstance(it, bytes) else it for it in array.reshape(-1)]
    return result


def part_of(answer: object, tensor: Tensor, outputs: Sequence[Tensor]) -> object:
    """What of a model's answer is one output: by name where it has names, else by position."""
    name, position = tensor["name"], [it["name"] for it in outputs].index(tensor["name"])
    if isinstance(answer, pd.DataFrame):
        if name in answer.columns:
            return answer[name].to_numpy()
        return answer.to_numpy() if len(outputs) == 1 else answer.iloc[:, position].to_numpy()
    if isinstance(answer, dict):
        if name not in answer and len(answer) != len(outputs):
            raise ValueError(f"the answer has no output {name!r}; it has {', '.join(map(str, answer))}")
        return answer[name] if name in answer else list(answer.values())[position]
    if len(outputs) == 1:
        return answer
    if isinstance(answer, list | tuple) and len(answer) == len(outputs):
        return answer[position]
    array = np.asarray(answer)
    if array.ndim != 2 or array.shape[1] != len(outputs):
        raise ValueError(f"the answer has the shape {list(array.shape)}, and {len(outputs)} outputs are promised")
    return array[:, position]


def no_rows(tensor: Tensor) -> Array:
    """The answer for no rows."""
    return np.empty((0, *(max(size, 0) for size in tensor["shape"])), dtype=DTYPES[tensor["datatype"]])


def promised(answer: object, tensor: Tensor, rows: int | None) -> Array:
    """An answer in the type and shape of the interface; raises ValueError where it has another size."""
    listed = isinstance(answer, pd.Series | pd.DataFrame)
    array = answer.to_numpy() if listed else np.asarray(answer)  # type: ignore[attr-defined] # of pandas, as listed says
    shape = tuple(([] if rows is None else [rows]) + tensor["shape"])
    fits = array.ndim == len(shape) and all(want in (-1, has) for want, has in zip(shape, array.shape, strict=True))
    if not fits:
        try:
            array = array.reshape(shape)
        except ValueError:
            found = list(array.shape)
            raise ValueError(
                f"output {tensor['name']!r} has the shape {found}, and {list(shape)} is promised"
            ) from None
    return as_texts(array.astype(object)) if tensor["datatype"] == "BYTES" else array.astype(DTYPES[tensor["datatype"]])
