"""Predictors with bad manners, one whose tensors are nothing but rows, two that count. Copied beside the server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


class Dying:
    """Ends its process where it is asked for 666, doubles everything else."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        pass

    def predict(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """`y` is twice `x`."""
        values = np.asarray(inputs["x"], dtype=np.float32)
        if (values == 666).any():
            os._exit(3)
        return {"y": values * np.float32(2)}


class Stillborn:
    """Ends its process before it is there."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        os._exit(4)


class Nonsense:
    """Answers with what is no tensor."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        pass

    def predict(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Objects, nothing at all for -1, and the end of the interpreter for -2."""
        first = float(np.asarray(inputs["x"], dtype=np.float64).ravel()[0])
        if first == -2:
            raise SystemExit("enough")
        objects = np.empty((1, 2), dtype=np.object_)
        return {} if first == -1 else {"y": objects}


class Rows:
    """The sum of the rows as one number for each, without a dimension of its own."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        pass

    def predict(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """`y` has the shape [rows]."""
        return {"y": np.asarray(inputs["x"], dtype=np.float32).sum(axis=1)}


class Counting:
    """Doubles, and counts the rows that it has doubled and those of the last call."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self.all, self.last = 0, 0

    def predict(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """`y` is twice `x`."""
        self.last = len(inputs["x"])
        self.all += self.last
        return {"y": np.asarray(inputs["x"], dtype=np.float32) * np.float32(2)}

    def metrics(self) -> Mapping[str, float]:
        """A counter and a gauge."""
        return {"cm_doubled_rows_total": float(self.all), "cm_last_rows": float(self.last)}


class Miscounting(Counting):
    """Doubles, and cannot say how much it has doubled."""

    def metrics(self) -> Mapping[str, float]:
        """Nothing before the first call, and an exception after it."""
        if self.all:
            raise RuntimeError("the counters are gone")
        return {}
