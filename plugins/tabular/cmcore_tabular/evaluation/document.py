"""The evaluation document: estimates with intervals, slices, comparison. Computes nothing."""

from __future__ import annotations

from enum import StrEnum

from cmcore_tabular.model.loaded import Agreement
from cmcore_tabular.statistics.document import Frozen

EVALUATION_FILE = "evaluation.json"
BLESSING_FILE = "blessing.json"
PAGE_FILE = "index.html"
LEVEL = 0.95


class Metric(StrEnum):
    """What is measured of a classifier of labels 0 and 1."""

    AUC = "auc"
    LOG_LOSS = "log_loss"
    BRIER = "brier"
    ACCURACY = "accuracy"
    PRECISION = "precision"
    RECALL = "recall"
    CALIBRATION_ERROR = "calibration_error"


HIGHER_IS_BETTER = frozenset({Metric.AUC, Metric.ACCURACY, Metric.PRECISION, Metric.RECALL})


class Estimate(Frozen):
    """A value with its 95 % interval and where that comes from; `reason` says why there is no value."""

    value: float | None
    low: float | None = None
    high: float | None = None
    method: str = ""
    reason: str = ""


class CalibrationBin(Frozen):
    """Rows of similar probability: what was predicted on average and what happened."""

    rows: int
    predicted: float
    observed: float


class SliceEvaluation(Frozen):
    """The metrics of some rows; `of` holds the columns and values that chose them, empty for all."""

    of: dict[str, str]
    rows: int
    positives: int
    metrics: dict[Metric, Estimate]


class Comparison(Frozen):
    """The model against the baseline on the same rows: differences (model minus baseline) with paired intervals."""

    baseline: str
    metrics: dict[Metric, Estimate]
    differences: dict[Metric, Estimate]


class EvaluationDocument(Frozen):
    """Everything that an evaluation found. Its outline is the contract that `cmcore.registry.contract` reads by."""

    model: str
    split: str
    decision_threshold: float
    level: float = LEVEL
    higher_is_better: dict[Metric, bool] = {metric: metric in HIGHER_IS_BETTER for metric in Metric}
    overall: SliceEvaluation
    slices: tuple[SliceEvaluation, ...]
    slices_left_out: dict[str, int]
    calibration: tuple[CalibrationBin, ...]
    comparison: Comparison | None
    agreement: Agreement
