"""How far two distributions are apart, from their summaries alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cmcore_tabular.sketches import Floats

Distribution = Sequence[tuple[float, int]]

BINS = 20


def l_infinity(first: Sequence[tuple[str, int]], second: Sequence[tuple[str, int]]) -> tuple[float, str]:
    """The largest difference of any value's share, and that value; (0, "") where one side is empty."""
    left, right = dict(first), dict(second)
    totals = sum(left.values()), sum(right.values())
    if not all(totals):
        return 0.0, ""
    values = sorted(left.keys() | right.keys())
    differences = [abs(left.get(value, 0) / totals[0] - right.get(value, 0) / totals[1]) for value in values]
    widest = int(np.argmax(differences))
    return float(differences[widest]), values[widest]


def jensen_shannon(first: Distribution, reference: Distribution) -> float:
    """The Jensen-Shannon divergence in bits: 0 for equal, 1 for disjoint (Lin, 1991).

    Over at most 20 bins of equal frequency in the reference, so that a long tail does not hide the body.
    """
    edges = equal_frequency_edges(reference)
    left, right = bin_shares(first, edges), bin_shares(reference, edges)
    middle = (left + right) / 2
    return float(max(0.0, (_relative_entropy(left, middle) + _relative_entropy(right, middle)) / 2))


def equal_frequency_edges(reference: Distribution) -> Floats:
    """Inner edges that cut the reference into at most 20 bins of about equal frequency."""
    values, counts = np.array([value for value, _ in reference]), np.array([count for _, count in reference])
    ranks = np.arange(1, BINS) / BINS * counts[-1]
    edges: Floats = np.unique(values[np.searchsorted(counts, ranks)])
    return edges


def bin_shares(distribution: Distribution, edges: Floats) -> Floats:
    """The share of each bin (-inf, e1], (e1, e2], ..., (en, inf); between known values it grows evenly."""
    values, counts = np.array([value for value, _ in distribution]), np.array([count for _, count in distribution])
    below = np.interp(edges, values, counts, left=0.0)
    shares: Floats = np.diff(np.concatenate([[0.0], below, [counts[-1]]])) / counts[-1]
    return shares


def _relative_entropy(left: Floats, right: Floats) -> float:
    present = left > 0
    return float(np.sum(left[present] * np.log2(left[present] / right[present])))
