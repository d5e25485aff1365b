"""The statistics document as one page a person can look at."""

from __future__ import annotations

from datetime import UTC, datetime

from cmcore_tabular.csv_types import ColumnType
from cmcore_tabular.pages import bar_heights, number, polyline, render
from cmcore_tabular.statistics.document import QUANTILE_SHARES, ColumnStatistics, SplitStatistics, StatisticsDocument

HISTOGRAM_WIDTH, HISTOGRAM_HEIGHT = 240, 64
TREND_WIDTH, TREND_HEIGHT = 120, 28
SHOWN_VALUES = 8
MEDIAN = QUANTILE_SHARES.index(0.5)


def statistics_page(document: StatisticsDocument) -> str:
    """The page; equal documents give equal bytes."""
    splits = sorted(document.splits, key=lambda name: (name != "train", name))
    spans = sorted({span for split in document.splits.values() for span in split.spans})
    cards = [_column_card(name, document, splits, spans) for name in document.column_names()]
    return render(
        "statistics.html.j2",
        {
            "splits": [{"name": name, "rows": document.splits[name].total.rows} for name in splits],
            "rows": sum(split.total.rows for split in document.splits.values()),
            "spans": spans, "cards": cards,
            "width": HISTOGRAM_WIDTH, "height": HISTOGRAM_HEIGHT,
            "trend_width": TREND_WIDTH, "trend_height": TREND_HEIGHT,
        },
    )  # fmt: skip


def _column_card(name: str, document: StatisticsDocument, splits: list[str], spans: list[int]) -> dict[str, object]:
    parts = [_split_part(split, document.splits[split], name) for split in splits]
    reference = document.splits[splits[0]]
    column = reference.total.columns.get(name)
    return {
        "name": name,
        "type": str(column.type) if column else "",
        "warn": bool(column and column.missing_share > 0.5),
        "parts": [part for part in parts if part],
        "trend": _trend(name, reference, spans),
    }


def _split_part(split: str, statistics: SplitStatistics, name: str) -> dict[str, object] | None:
    column = statistics.total.columns.get(name)
    if column is None:
        return None
    return {
        "split": split, "count": column.count, "missing": column.missing, "missing_share": column.missing_share,
        "facts": _facts(column), "bars": _histogram_bars(column), "edges": _edge_texts(column),
        "top": _top_bars(column),
    }  # fmt: skip


def _facts(column: ColumnStatistics) -> list[tuple[str, str]]:
    if column.text:
        more = " or more" if column.text.count_error else ""
        return [("distinct", f"{number(column.text.distinct)}{more}")]
    if not column.numeric:
        return []
    numeric, show = column.numeric, (_instant if column.type is ColumnType.DATETIME else number)
    facts = [("min", numeric.min), ("median", numeric.quantiles[MEDIAN]), ("max", numeric.max), ("mean", numeric.mean)]
    shown = [(label, show(value)) for label, value in facts]
    if column.type is not ColumnType.DATETIME:
        shown += [("std", number(numeric.std)), ("zeros", number(numeric.zeros))]
    return shown


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _edge_texts(column: ColumnStatistics) -> tuple[str, str]:
    if not column.numeric:
        return ("", "")
    show = _instant if column.type is ColumnType.DATETIME else number
    return show(column.numeric.min), show(column.numeric.max)


def _histogram_bars(column: ColumnStatistics) -> list[dict[str, object]]:
    if not column.numeric:
        return []
    histogram = column.numeric.histogram
    step = HISTOGRAM_WIDTH / len(histogram.counts)
    heights = bar_heights(histogram.counts, HISTOGRAM_HEIGHT)
    return [
        {
            "x": round(index * step, 2), "y": round(HISTOGRAM_HEIGHT - height, 2),
            "width": round(max(step - 1, 0.5), 2), "height": height,
            "title": f"{number(low)} to {number(high)}: {number(count)}",
        }
        for index, (height, count, low, high) in enumerate(
            zip(heights, histogram.counts, histogram.edges, histogram.edges[1:], strict=False)
        )
    ]  # fmt: skip


def _top_bars(column: ColumnStatistics) -> list[dict[str, object]]:
    if not column.text:
        return []
    top = column.text.top[:SHOWN_VALUES]
    widths = bar_heights([count for _, count in top], 100)
    return [
        {"value": value or "(empty)", "count": count, "share": count / column.count, "width": width}
        for (value, count), width in zip(top, widths, strict=True)
    ]


def _trend(name: str, split: SplitStatistics, spans: list[int]) -> dict[str, str]:
    columns = [split.spans[span].columns.get(name) if span in split.spans else None for span in spans]
    means = [column.numeric.mean if column and column.numeric else None for column in columns]
    missing = [column.missing_share if column else None for column in columns]
    return {
        "mean": polyline(means, TREND_WIDTH, TREND_HEIGHT),
        "missing": polyline(missing, TREND_WIDTH, TREND_HEIGHT) if any(missing) else "",
    }
