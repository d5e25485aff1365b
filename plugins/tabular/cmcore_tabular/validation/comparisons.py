"""Skew and drift: how far each column's distribution is from a reference. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cmcore_tabular.statistics.document import ColumnStatistics, Frozen, RowsStatistics, StatisticsDocument
from cmcore_tabular.validation.anomalies import AnomalyName, Finding
from cmcore_tabular.validation.distances import jensen_shannon, l_infinity


class Comparison(Frozen):
    """One column's distance from its reference; `measure` says which distance, `detail` where it is widest."""

    kind: AnomalyName
    column: str
    rows: str
    measure: str
    distance: float
    threshold: float
    detail: str = ""

    def finding(self) -> Finding | None:
        """The finding that it is where the distance exceeds the threshold."""
        if self.distance <= self.threshold:
            return None
        found = f"{self.measure} {self.distance:.4f}{f', widest at {self.detail!r}' if self.detail else ''}"
        expected = f"{self.measure} at most {self.threshold:g}"
        return Finding(name=self.kind, column=self.column, rows=self.rows, expected=expected, found=found)


class Thresholds(Frozen):
    """The distances allowed: one for all, others for some columns, and columns that are not compared."""

    skew: float
    drift: float
    columns: Mapping[str, float]
    ignore: tuple[str, ...]

    def allowed(self, kind: AnomalyName, column: str) -> float:
        """The threshold of one column."""
        return self.columns.get(column, self.skew if kind is AnomalyName.SKEW else self.drift)


def skew_comparisons(
    statistics: StatisticsDocument, serving: StatisticsDocument | None, train: str, thresholds: Thresholds
) -> Iterator[Comparison]:
    """The training split against what is served, or without that against each other split."""
    reference = statistics.splits[train].total
    others = serving.splits if serving else {name: each for name, each in statistics.splits.items() if name != train}
    label = "serving" if serving else "split"
    for name, other in others.items():
        yield from _compare(AnomalyName.SKEW, other.total, reference, f"{label} {name} against {train}", thresholds)


def drift_comparisons(
    statistics: StatisticsDocument, baseline: StatisticsDocument | None, train: str, thresholds: Thresholds
) -> Iterator[Comparison]:
    """The training split against the baseline's; without one, its latest span against the one before."""
    current = statistics.splits[train]
    if baseline and train in baseline.splits:
        where = f"split {train} against the baseline"
        yield from _compare(AnomalyName.DRIFT, current.total, baseline.splits[train].total, where, thresholds)
    elif not baseline and len(current.spans) > 1:
        before, latest = sorted(current.spans)[-2:]
        where = f"split {train}, span {latest} against span {before}"
        yield from _compare(AnomalyName.DRIFT, current.spans[latest], current.spans[before], where, thresholds)


def _compare(
    kind: AnomalyName, rows: RowsStatistics, reference: RowsStatistics, where: str, thresholds: Thresholds
) -> Iterator[Comparison]:
    for name, column in rows.columns.items():
        if name in thresholds.ignore or name not in reference.columns:
            continue
        for measure, distance, detail in _distances(column, reference.columns[name]):
            yield Comparison(
                kind=kind, column=name, rows=where, measure=measure, distance=distance, detail=detail,
                threshold=thresholds.allowed(kind, name),
            )  # fmt: skip


def _distances(column: ColumnStatistics, reference: ColumnStatistics) -> Sequence[tuple[str, float, str]]:
    if column.text and reference.text:
        return [("L-infinity", *l_infinity(column.text.top, reference.text.top))]
    if column.numeric and reference.numeric:
        return [("Jensen-Shannon", jensen_shannon(column.numeric.distribution, reference.numeric.distribution), "")]
    return []
