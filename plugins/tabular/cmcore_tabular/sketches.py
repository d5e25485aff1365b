"""Summaries of a stream of values in bounded memory: quantiles and top values, exact while they fit. No randomness."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]

DISTINCT_NUMBERS = 8_192
DISTINCT_TEXTS = 50_000


class QuantileSketch:
    """Weighted sorted values. Exact up to `capacity` distinct ones; then neighbours merge into equal shares.

    Each merge may move a rank by at most the weight of the largest group made; `rank_error` is their sum, a
    worst case. The idea of merging equal shares is that of Munro and Paterson (1980).
    """

    def __init__(self, capacity: int = DISTINCT_NUMBERS) -> None:
        self._capacity = capacity
        self._values: Floats = np.empty(0)
        self._weights: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.rank_error = 0

    @property
    def count(self) -> int:
        """How many values were added."""
        return int(self._weights.sum())

    def add(self, values: Floats) -> None:
        """Add values; none may be NaN."""
        distinct, counts = np.unique(values, return_counts=True)
        self._combine(distinct, counts.astype(np.int64))

    def merge(self, other: QuantileSketch) -> None:
        """Add everything that another sketch has seen."""
        self.rank_error += other.rank_error
        self._combine(other._values, other._weights)

    def _combine(self, values: Floats, weights: npt.NDArray[np.int64]) -> None:
        everything = np.concatenate([self._values, values])
        distinct, inverse = np.unique(everything, return_inverse=True)
        total = np.bincount(inverse, weights=np.concatenate([self._weights, weights]), minlength=len(distinct))
        self._values, self._weights = distinct, total.astype(np.int64)
        if len(distinct) > 2 * self._capacity:
            self._compress()

    def _compress(self) -> None:
        middle = np.cumsum(self._weights) - self._weights / 2
        group = np.floor(middle / self.count * self._capacity).astype(np.int64)
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        sizes = np.diff(starts, append=len(group))
        weights = np.add.reduceat(self._weights, starts)
        self.rank_error += int(weights[sizes > 1].max(initial=0))
        self._values = self._values[starts + sizes // 2]
        self._weights = weights

    def quantiles(self, shares: Floats) -> Floats:
        """The values at these shares (0 to 1), each one that was seen: the smallest with that share at or below."""
        if not self.count:
            return np.full(len(shares), np.nan)
        ranks = np.ceil(np.asarray(shares) * self.count)
        positions = np.searchsorted(np.cumsum(self._weights), np.maximum(ranks, 1))
        found: Floats = self._values[np.minimum(positions, len(self._values) - 1)]
        return found

    def distribution(self, points: int) -> list[tuple[float, int]]:
        """Values with how many lie at or below each: every distinct one, or as many as `points` at equal shares."""
        cumulative = np.cumsum(self._weights)
        chosen = np.arange(len(self._values))
        if len(self._values) > points:
            ranks = np.ceil(np.arange(1, points + 1) / points * self.count)
            chosen = np.unique(np.searchsorted(cumulative, ranks))
        return [(float(self._values[index]), int(cumulative[index])) for index in chosen]

    def histogram(self, edges: Floats) -> list[int]:
        """How many values lie in each bin; the last bin is closed on the right."""
        if not self.count:
            return [0] * (len(edges) - 1)
        counts, _ = np.histogram(self._values, bins=edges, weights=self._weights)
        return [int(count) for count in counts]


class TopValues:
    """Counts of texts. Exact up to `capacity` distinct ones; then the counters of Misra and Gries (1982).

    `count_error` bounds how much any count may be too low.
    """

    def __init__(self, capacity: int = DISTINCT_TEXTS) -> None:
        self._capacity = capacity
        self._counts = pl.DataFrame(schema={"value": pl.String, "count": pl.Int64})
        self.count_error = 0

    @property
    def distinct(self) -> int:
        """How many different texts are counted; a lower bound once `count_error` is above 0."""
        return self._counts.height

    def add(self, values: pl.Series) -> None:
        """Add texts; none may be null."""
        counted = values.alias("value").to_frame().group_by("value").agg(pl.len().cast(pl.Int64).alias("count"))
        self._combine(counted)

    def merge(self, other: TopValues) -> None:
        """Add everything that another counter has seen."""
        self.count_error += other.count_error
        self._combine(other._counts)

    def _combine(self, counts: pl.DataFrame) -> None:
        merged = pl.concat([self._counts, counts]).group_by("value").agg(pl.col("count").sum())
        self._counts = merged.sort(["count", "value"], descending=[True, False])
        if merged.height > self._capacity:
            cut = int(self._counts["count"][self._capacity])
            self.count_error += cut
            kept = self._counts.head(self._capacity).with_columns(pl.col("count") - cut)
            self._counts = kept.filter(pl.col("count") > 0)

    def top(self, limit: int) -> list[tuple[str, int]]:
        """The most frequent texts with their counts; ties in the order of the text."""
        return [(str(value), int(count)) for value, count in self._counts.head(limit).iter_rows()]
