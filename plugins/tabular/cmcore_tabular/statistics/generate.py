"""StatisticsGen: examples to a statistics document and its page, one batch at a time."""

from __future__ import annotations

from pathlib import Path

from cmcore import Context
from cmcore.artifacts import Examples, Statistics
from cmcore_tabular.dataset import batches, columns_of, spans_of, split_names
from cmcore_tabular.documents import write_json
from cmcore_tabular.errors import TabularError
from cmcore_tabular.statistics.accumulate import RowsAccumulator
from cmcore_tabular.statistics.document import STATISTICS_FILE, RowsStatistics, SplitStatistics, StatisticsDocument
from cmcore_tabular.statistics.page import statistics_page

PAGE_FILE = "index.html"


def statistics_gen(
    *, examples: Examples, statistics: Statistics, bins: int, top_values: int, context: Context
) -> dict[str, object]:
    """Describe every split and span of the examples."""
    names = split_names(examples)
    if not names:
        raise TabularError(f"no split in the examples at {examples.uri}; they hold folders named Split-<name>")
    splits = {}
    for done, name in enumerate(names):
        context.progress(done, len(names), f"split {name}")
        splits[name] = describe_split(spans_of(examples, name), bins=bins, top_values=top_values)
    document = StatisticsDocument(splits=splits)
    write_json(statistics.path / STATISTICS_FILE, document)
    (statistics.path / PAGE_FILE).write_text(statistics_page(document), encoding="utf-8")
    statistics.span, statistics.splits = examples.span, names
    return {"rows": sum(split.total.rows for split in splits.values())}


def describe_split(files: dict[int, Path], *, bins: int, top_values: int) -> SplitStatistics:
    """The statistics of one split from its files by span; memory does not grow with the rows."""
    if not files:
        return SplitStatistics(total=RowsStatistics(rows=0, columns={}), spans={})
    schema = columns_of(next(iter(files.values())))
    total = RowsAccumulator(schema)
    spans = {}
    for span, file in files.items():
        rows = RowsAccumulator(schema)
        for batch in batches(file):
            rows.add(batch)
        spans[span] = rows.statistics(bins, top_values)
        total.merge(rows)
    return SplitStatistics(total=total.statistics(bins, top_values), spans=spans)
