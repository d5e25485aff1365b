"""A model folder read back, and the check that its two forms say the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from sklearn.pipeline import Pipeline

from cmcore_tabular.errors import TabularError
from cmcore_tabular.model.layout import NATIVE_FILE, ONNX_FILE
from cmcore_tabular.model.native import positive_probability, read_native
from cmcore_tabular.model.onnx_model import OnnxScorer, Probabilities
from cmcore_tabular.statistics.document import Frozen
from cmcore_tabular.transform.graph import FittedTransform


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """Both forms of one model; ONNX is the one that serves."""

    transform: FittedTransform
    onnx: OnnxScorer
    native: Pipeline

    @classmethod
    def read(cls, folder: Path) -> LoadedModel:
        """Load a model folder; raises TabularError where it is not one that Trainer wrote."""
        if missing := [name for name in (ONNX_FILE, NATIVE_FILE) if not (folder / name).is_file()]:
            raise TabularError(f"the model lacks {', '.join(missing)}; Trainer of cmcore-tabular writes them")
        return cls(
            transform=FittedTransform.read(folder),
            onnx=OnnxScorer(folder / ONNX_FILE),
            native=read_native(folder / NATIVE_FILE),
        )

    def probabilities(self, rows: pl.DataFrame) -> Probabilities:
        """The served probability of label 1 for raw rows."""
        return self.onnx.probabilities(self.transform, rows)


class Agreement(Frozen):
    """How far ONNX and the native form are apart, from raw row to probability."""

    rows: int
    tolerance: float
    max_difference: float
    rows_beyond: int
    first_beyond: int | None = None


def agreement(model: LoadedModel, rows: pl.DataFrame, tolerance: float) -> Agreement:
    """Compare the two forms over raw rows; a difference that is not a number counts as beyond."""
    if not rows.height:
        return Agreement(rows=0, tolerance=tolerance, max_difference=0.0, rows_beyond=0)
    differences = np.abs(model.probabilities(rows) - positive_probability(model.native, rows))
    beyond = np.flatnonzero(~(differences <= tolerance))
    finite = differences[np.isfinite(differences)]
    return Agreement(
        rows=rows.height, tolerance=tolerance, max_difference=float(finite.max(initial=0.0)),
        rows_beyond=len(beyond), first_beyond=int(beyond[0]) if len(beyond) else None,
    )  # fmt: skip


def require_agreement(found: Agreement) -> None:
    """Raise TabularError with the numbers where the two forms differ."""
    if found.rows_beyond:
        raise TabularError(
            f"ONNX and skops disagree on {found.rows_beyond} of {found.rows} rows by more than {found.tolerance:g} "
            f"(largest {found.max_difference:g}, first at row {found.first_beyond}); "
            f"scale features to a common range, try another estimator, or raise `tolerance`"
        )
