"""Statistics of a stream of batches in bounded memory. Reads no files and writes none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from cmcore_tabular.csv_types import ColumnType
from cmcore_tabular.sketches import Floats, QuantileSketch, TopValues
from cmcore_tabular.statistics.document import (
    DISTRIBUTION_POINTS,
    QUANTILE_SHARES,
    ColumnStatistics,
    Histogram,
    NumericSummary,
    RowsStatistics,
    TextSummary,
)

WHOLE_LIMIT = 2**52  # beyond, a half is lost in a 64-bit float


def column_type(kind: pl.DataType) -> ColumnType:
    """The type of a stored column, in the examples' words."""
    if kind == pl.Boolean():
        return ColumnType.BOOL
    if kind.is_integer():
        return ColumnType.INT
    if kind.is_float():
        return ColumnType.FLOAT
    return ColumnType.DATETIME if kind.is_temporal() else ColumnType.STRING


def as_numbers(values: pl.Series) -> Floats:
    """A column's values as floats: datetimes as seconds since 1970 UTC, missing as NaN."""
    if values.dtype.is_temporal():
        values = values.cast(pl.Datetime("us")).dt.epoch("us") / 1_000_000
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()


class Moments:
    """Count, mean, spread, extremes and zeros; batches combine by the formula of Chan, Golub and LeVeque (1983)."""

    def __init__(self) -> None:
        self.count, self.zeros = 0, 0
        self.mean, self.squares = 0.0, 0.0
        self.min, self.max = float("inf"), float("-inf")

    def add(self, values: Floats) -> None:
        """Add values; none may be NaN."""
        if len(values):
            batch = Moments()
            batch.count, batch.zeros = len(values), int((values == 0).sum())
            batch.mean = float(values.mean())
            batch.squares = float(((values - batch.mean) ** 2).sum())
            batch.min, batch.max = float(values.min()), float(values.max())
            self.merge(batch)

    def merge(self, other: Moments) -> None:
        """Add everything that another has seen."""
        count = self.count + other.count
        if count:
            delta = other.mean - self.mean
            self.mean += delta * other.count / count
            self.squares += other.squares + delta**2 * self.count * other.count / count
        self.count, self.zeros = count, self.zeros + other.zeros
        self.min, self.max = min(self.min, other.min), max(self.max, other.max)

    @property
    def std(self) -> float:
        """The sample's standard deviation; 0 for a single value."""
        return float(np.sqrt(self.squares / (self.count - 1))) if self.count > 1 else 0.0


class ColumnAccumulator:
    """One column: takes batches, gives its statistics."""

    def __init__(self, kind: ColumnType) -> None:
        self.kind = kind
        self.rows = 0
        self.missing = 0
        self._moments, self._sketch, self._texts = Moments(), QuantileSketch(), TopValues()

    @property
    def _is_text(self) -> bool:
        return self.kind in (ColumnType.STRING, ColumnType.BOOL)

    def add(self, values: pl.Series) -> None:
        """Take a batch into account; NaN counts as missing, infinities too."""
        self.rows += len(values)
        if self._is_text:
            present = values.drop_nulls().cast(pl.String)
            self.missing += len(values) - len(present)
            self._texts.add(present)
        else:
            numbers = as_numbers(values)
            finite = numbers[np.isfinite(numbers)]
            self.missing += len(values) - len(finite)
            self._moments.add(finite)
            self._sketch.add(finite)

    def merge(self, other: ColumnAccumulator) -> None:
        """Take everything that another has seen into account."""
        self.rows += other.rows
        self.missing += other.missing
        self._moments.merge(other._moments)
        self._sketch.merge(other._sketch)
        self._texts.merge(other._texts)

    def statistics(self, bins: int, top_values: int) -> ColumnStatistics:
        """What was seen."""
        count = self.rows - self.missing
        common = {"type": self.kind, "count": count, "missing": self.missing}
        if not count:
            return ColumnStatistics(**common)
        if self._is_text:
            top = tuple(self._texts.top(top_values))
            text = TextSummary(distinct=self._texts.distinct, top=top, count_error=self._texts.count_error)
            return ColumnStatistics(**common, text=text)
        return ColumnStatistics(**common, numeric=self._numeric(bins))

    def _numeric(self, bins: int) -> NumericSummary:
        moments = self._moments
        quantiles = self._sketch.quantiles(np.array(QUANTILE_SHARES))
        quantiles[0], quantiles[-1] = moments.min, moments.max
        edges = histogram_edges(moments.min, moments.max, bins, whole=self.kind is ColumnType.INT)
        return NumericSummary(
            mean=moments.mean, std=moments.std, min=moments.min, max=moments.max, zeros=moments.zeros,
            quantiles=tuple(float(value) for value in quantiles), rank_error=self._sketch.rank_error,
            histogram=Histogram(edges=tuple(map(float, edges)), counts=tuple(self._sketch.histogram(edges))),
            distribution=tuple(self._sketch.distribution(DISTRIBUTION_POINTS)),
        )  # fmt: skip


def histogram_edges(low: float, high: float, bins: int, *, whole: bool) -> Floats:
    """The edges of at most `bins` even bins; those of whole numbers hold equally many of them, cut between two."""
    if whole and high - low < WHOLE_LIMIT:
        width = np.ceil((high - low + 1) / bins)
        count = int(np.ceil((high - low + 1) / width))
        edges: Floats = low - 0.5 + width * np.arange(count + 1)
        return edges
    if low == high:
        half = max(abs(low) * 1e-6, 0.5)
        return np.array([low - half, low + half])
    return np.linspace(low, high, bins + 1)


class RowsAccumulator:
    """All columns of one set of rows."""

    def __init__(self, schema: Mapping[str, pl.DataType]) -> None:
        self._columns = {name: ColumnAccumulator(column_type(kind)) for name, kind in schema.items()}
        self.rows = 0

    def add(self, batch: pl.DataFrame) -> None:
        """Take a batch into account."""
        self.rows += batch.height
        for name, column in self._columns.items():
            column.add(batch[name])

    def merge(self, other: RowsAccumulator) -> None:
        """Take everything that another has seen into account."""
        self.rows += other.rows
        for name, column in self._columns.items():
            column.merge(other._columns[name])

    def statistics(self, bins: int, top_values: int) -> RowsStatistics:
        """What was seen."""
        columns = {name: column.statistics(bins, top_values) for name, column in self._columns.items()}
        return RowsStatistics(rows=self.rows, columns=columns)
