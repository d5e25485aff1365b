"""The metrics of probabilities against labels. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cmcore_tabular.evaluation.document import CalibrationBin, Estimate, Metric
from cmcore_tabular.evaluation.intervals import (
    BOOTSTRAP,
    NORMAL,
    RESAMPLES,
    Truth,
    auc_difference,
    auc_estimate,
    mean_estimate,
    share_estimate,
)
from cmcore_tabular.sketches import Floats

CALIBRATION_BINS = 10
TINY = 1e-15
SLICE_METRICS = (Metric.AUC, Metric.LOG_LOSS, Metric.BRIER, Metric.ACCURACY, Metric.PRECISION, Metric.RECALL)
PAIRED = f"paired, {NORMAL}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Labels and probabilities of the same rows, and from where on a probability means yes."""

    label: Truth
    probability: Floats
    threshold: float

    @property
    def log_losses(self) -> Floats:
        """The log loss of each row, probabilities held away from 0 and 1 by 1e-15."""
        held = np.clip(self.probability, TINY, 1 - TINY)
        losses: Floats = -np.where(self.label, np.log(held), np.log1p(-held))
        return losses

    @property
    def squares(self) -> Floats:
        """The squared error of each row."""
        squares: Floats = (self.probability - self.label) ** 2
        return squares

    @property
    def hits(self) -> Truth:
        """Whether each row's decision was right."""
        hits: Truth = (self.probability >= self.threshold) == self.label
        return hits

    def only(self, rows: Truth) -> Scored:
        """Some of the rows."""
        return Scored(label=self.label[rows], probability=self.probability[rows], threshold=self.threshold)


def metric_estimate(metric: Metric, scored: Scored) -> Estimate:
    """One metric with its interval."""
    said_yes = scored.probability >= scored.threshold
    right_yes = int((said_yes & scored.label).sum())
    match metric:
        case Metric.AUC:
            return auc_estimate(scored.label, scored.probability)
        case Metric.LOG_LOSS:
            return mean_estimate(scored.log_losses)
        case Metric.BRIER:
            return mean_estimate(scored.squares)
        case Metric.ACCURACY:
            return share_estimate(int(scored.hits.sum()), len(scored.label), "no rows")
        case Metric.PRECISION:
            return share_estimate(right_yes, int(said_yes.sum()), "no row was predicted positive")
        case Metric.RECALL:
            return share_estimate(right_yes, int(scored.label.sum()), "no row is positive")
        case Metric.CALIBRATION_ERROR:
            return calibration_error(calibration(scored))


def metric_difference(metric: Metric, scored: Scored, baseline: Scored) -> Estimate | None:
    """How much the metric differs from the baseline's on the same rows; None where no paired interval is known."""
    match metric:
        case Metric.AUC:
            return auc_difference(scored.label, scored.probability, baseline.probability)
        case Metric.LOG_LOSS:
            return mean_estimate(scored.log_losses - baseline.log_losses, PAIRED)
        case Metric.BRIER:
            return mean_estimate(scored.squares - baseline.squares, PAIRED)
        case Metric.ACCURACY:
            return mean_estimate(scored.hits.astype(np.float64) - baseline.hits, PAIRED)
    return None


def calibration(scored: Scored) -> tuple[CalibrationBin, ...]:
    """Ten bins of about equally many rows, by rising probability; equal probabilities stay together."""
    if not len(scored.label):
        return ()
    shares = np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS
    edges = np.unique(np.quantile(scored.probability, shares, method="lower"))
    bins = np.searchsorted(edges, scored.probability, side="left")
    rows = np.bincount(bins)
    predicted, observed = np.bincount(bins, scored.probability), np.bincount(bins, scored.label)
    return tuple(
        CalibrationBin(rows=int(count), predicted=float(said / count), observed=float(happened / count))
        for count, said, happened in zip(rows, predicted, observed, strict=True)
        if count
    )


def calibration_error(bins: tuple[CalibrationBin, ...]) -> Estimate:
    """The mean distance of predicted and observed shares, weighted by rows (expected calibration error)."""
    if not bins:
        return Estimate(value=None, reason="no rows")
    rows = np.array([each.rows for each in bins])
    predicted = np.array([each.predicted for each in bins])
    observed = np.array([each.observed for each in bins])
    value = float((rows / rows.sum() * np.abs(predicted - observed)).sum())
    random = np.random.default_rng(0)
    counts = random.multinomial(rows.sum(), rows / rows.sum(), size=RESAMPLES)
    shares = random.binomial(counts, observed) / np.maximum(counts, 1)
    resampled = (counts / rows.sum() * np.abs(predicted - shares)).sum(axis=1)
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Estimate(value=value, low=float(low), high=float(high), method=BOOTSTRAP)
