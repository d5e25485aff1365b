"""Confidence intervals at 95 %, each with its source. Deterministic: the one bootstrap has a fixed seed."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cmcore_tabular.evaluation.document import Estimate
from cmcore_tabular.sketches import Floats

Z = 1.959963984540054  # the normal distribution's 97.5 % quantile
DELONG = "DeLong (1988), computed as Sun and Xu (2014)"
WILSON = "Wilson (1927)"
NORMAL = "normal approximation of a mean of rows"
BOOTSTRAP = "bootstrap percentiles over calibration bins, 1000 resamples, seed 0"
RESAMPLES = 1_000
ONE_CLASS = "only one label occurs"

Truth = npt.NDArray[np.bool_]


def delong_components(label: Truth, scores: Floats) -> tuple[float, Floats, Floats]:
    """AUC and its structural components over positives and negatives (DeLong, DeLong and Clarke-Pearson, 1988)."""
    positive, negative = scores[label], scores[~label]
    m, n = len(positive), len(negative)
    ranks = midranks(np.concatenate([positive, negative]))
    of_positives = (ranks[:m] - midranks(positive)) / n
    of_negatives = 1 - (ranks[m:] - midranks(negative)) / m
    return float(of_positives.mean()), of_positives, of_negatives


def midranks(values: Floats) -> Floats:
    """Ranks from 1 on; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = np.cumsum(counts) - (counts - 1) / 2
    return ranks[inverse]


def auc_estimate(label: Truth, scores: Floats) -> Estimate:
    """The area under the ROC curve; it does not exist where only one label occurs."""
    if label.all() or not label.any():
        return Estimate(value=None, reason=ONE_CLASS)
    area, positives, negatives = delong_components(label, scores)
    return _around(area, math.sqrt(_variance(positives) + _variance(negatives)), DELONG, low=0.0, high=1.0)


def auc_difference(label: Truth, scores: Floats, baseline: Floats) -> Estimate:
    """The difference of two AUCs on the same rows, with their covariance."""
    if label.all() or not label.any():
        return Estimate(value=None, reason=ONE_CLASS)
    area, positives, negatives = delong_components(label, scores)
    other, other_positives, other_negatives = delong_components(label, baseline)
    variance = _variance(positives - other_positives) + _variance(negatives - other_negatives)
    return _around(area - other, math.sqrt(variance), f"paired {DELONG}")


def mean_estimate(values: Floats, method: str = NORMAL) -> Estimate:
    """The mean of one value per row."""
    if not len(values):
        return Estimate(value=None, reason="no rows")
    return _around(float(values.mean()), math.sqrt(_variance(values)), method)


def share_estimate(hits: int, rows: int, reason: str) -> Estimate:
    """A share of rows, by Wilson's score interval; it does not exist for no rows."""
    if not rows:
        return Estimate(value=None, reason=reason)
    share = hits / rows
    center = (share + Z**2 / (2 * rows)) / (1 + Z**2 / rows)
    half = Z / (1 + Z**2 / rows) * math.sqrt(share * (1 - share) / rows + Z**2 / (4 * rows**2))
    return Estimate(value=share, low=max(0.0, center - half), high=min(1.0, center + half), method=WILSON)


def _variance(values: Floats) -> float:
    """The variance of the mean of values; 0 for a single one."""
    return float(values.var(ddof=1) / len(values)) if len(values) > 1 else 0.0


def _around(value: float, deviation: float, method: str, low: float = -math.inf, high: float = math.inf) -> Estimate:
    bounds = max(low, value - Z * deviation), min(high, value + Z * deviation)
    return Estimate(value=value, low=bounds[0], high=bounds[1], method=method)
