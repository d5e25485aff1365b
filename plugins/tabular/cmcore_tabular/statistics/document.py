"""The statistics document: what is known about each column of each split and span. Computes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cmcore_tabular.csv_types import ColumnType

STATISTICS_FILE = "statistics.json"
DISTRIBUTION_POINTS = 128
QUANTILE_SHARES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)


class Frozen(BaseModel):
    """A value that comes from a document or goes into one."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Histogram(Frozen):
    """Counts between edges; one more edge than counts."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class NumericSummary(Frozen):
    """Numbers, booleans excepted; datetimes as seconds since 1970 UTC. `std` is that of the sample (n - 1).

    `distribution` holds values with how many lie at or below each: what distances are computed from, because
    the even bins of `histogram` blur a long tail. `rank_error` bounds how far ranks may be off.
    """

    mean: float
    std: float
    min: float
    max: float
    zeros: int
    quantiles: tuple[float, ...]
    rank_error: int
    histogram: Histogram
    distribution: tuple[tuple[float, int], ...]


class TextSummary(Frozen):
    """Texts and booleans; `top` holds the most frequent values, `count_error` bounds how far a count may be low."""

    distinct: int
    top: tuple[tuple[str, int], ...]
    count_error: int


class ColumnStatistics(Frozen):
    """One column of one set of rows; both summaries are None where it holds no value."""

    type: ColumnType
    count: int
    missing: int
    numeric: NumericSummary | None = None
    text: TextSummary | None = None

    @property
    def missing_share(self) -> float:
        """Which share of the rows has no value; 0 for no rows."""
        rows = self.count + self.missing
        return self.missing / rows if rows else 0.0


class RowsStatistics(Frozen):
    """All columns of one set of rows, in the order of the examples."""

    rows: int
    columns: dict[str, ColumnStatistics]


class SplitStatistics(Frozen):
    """One split: all its rows, and each span by itself."""

    total: RowsStatistics
    spans: dict[int, RowsStatistics]


class StatisticsDocument(Frozen):
    """Every split of some examples."""

    splits: dict[str, SplitStatistics]

    @classmethod
    def read(cls, folder: Path) -> StatisticsDocument:
        """The document in a Statistics artifact's folder."""
        return cls.model_validate_json((folder / STATISTICS_FILE).read_bytes())

    def column_names(self) -> Iterator[str]:
        """The columns, in the order of the examples."""
        return iter(next(iter(self.splits.values())).total.columns if self.splits else ())
