"""CsvExampleGen: CSV files by span to Parquet by span and split, in bounded memory. Drops nothing unsaid."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv

from cmcore import Context
from cmcore.artifacts import Examples, Files
from cmcore_tabular.csv_types import POLARS_TYPES, ColumnType, TypeInference, declared_types, typed
from cmcore_tabular.dataset import ParquetSink, arrow_schema, span_file
from cmcore_tabular.documents import write_json
from cmcore_tabular.errors import TabularError
from cmcore_tabular.spans import SpanFiles, choose_spans, group_by_span
from cmcore_tabular.splits import assign_buckets, bucket_table

BLOCK_BYTES = 2 << 20  # pyarrow reads 32 blocks ahead
REPORT = "import.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvSource:
    """How the text of the imported files is read."""

    folder: Path
    columns: tuple[str, ...]
    null_values: tuple[str, ...]

    def batches(self, file: str) -> Iterator[pl.DataFrame]:
        """The rows of a file as text, some megabytes at a time, in order."""
        convert = pa_csv.ConvertOptions(
            column_types=dict.fromkeys(self.columns, pa.string()),
            null_values=list(self.null_values), strings_can_be_null=True, quoted_strings_can_be_null=True,
        )  # fmt: skip
        read = pa_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False)
        parse = pa_csv.ParseOptions(newlines_in_values=True)
        try:
            with pa_csv.open_csv(self.folder / file, read, parse, convert) as reader:
                for batch in reader:
                    yield pl.DataFrame(pl.from_arrow(batch))
        except pa.ArrowInvalid as error:
            raise TabularError(f"{file} is not the CSV that its header promises: {error}") from error


@dataclass(kw_only=True)
class SpanCount:
    """What became of the rows of one span."""

    read: int = 0
    written: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def document(self, span: SpanFiles) -> dict[str, object]:
        """The span's part of the report."""
        return {
            "span": span.span, "files": list(span.files), "rows_read": self.read,
            "rows_written": dict(self.written), "rows_dropped": dict(self.dropped),
        }  # fmt: skip


def csv_example_gen(
    *,
    files: Files,
    examples: Examples,
    pattern: str,
    spans: str,
    splits: Mapping[str, int],
    key: Sequence[str],
    required: Sequence[str],
    null_values: Sequence[str],
    types: Mapping[str, str],
    context: Context,
) -> dict[str, object]:
    """Write the chosen spans as Parquet, one file per split and span, and a report of every row's fate."""
    folder = files.path
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    chosen = choose_spans(spans, group_by_span(sorted(names), pattern))
    source = CsvSource(folder=folder, columns=_shared_header(folder, chosen), null_values=tuple(null_values))
    _check_columns("key", key, source.columns)
    _check_columns("required", required, source.columns)
    column_types = _infer_types(source, chosen, types)
    table = bucket_table(splits)
    counts: dict[int, SpanCount] = {}
    for done, span in enumerate(chosen):
        context.progress(done, len(chosen), f"span {span.span}")
        counts[span.span] = _write_span(source, span, examples.path, table, key, required, column_types)
    rows = sum(count.written.total() for count in counts.values())
    dropped = sum(count.dropped.total() for count in counts.values())
    report = {
        "columns": {name: str(kind) for name, kind in column_types.items()},
        "split_buckets": dict(Counter(table)), "split_key": list(key),
        "rows_written": rows, "rows_dropped": dropped,
        "spans": [counts[span.span].document(span) for span in chosen],
    }  # fmt: skip
    write_json(examples.path / REPORT, report)
    examples.span, examples.splits = chosen[-1].span, sorted(set(table))
    context.log(f"{rows} rows from {len(chosen)} spans; dropped {dropped}: {_dropped_text(counts)}")
    return {"rows": rows, "dropped_rows": dropped}


def _shared_header(folder: Path, spans: Sequence[SpanFiles]) -> tuple[str, ...]:
    headers: dict[tuple[str, ...], str] = {}
    for name in (name for span in spans for name in span.files):
        with (folder / name).open(encoding="utf-8-sig", newline="") as stream:
            headers.setdefault(tuple(next(csv.reader(stream), ())), name)
    first, *others = headers
    if others:
        raise TabularError(
            f"{headers[first]} and {headers[others[0]]} have different columns: "
            f"{', '.join(sorted(set(first) ^ set(others[0]))) or 'same names in another order'}"
        )
    if len(set(first)) != len(first) or not all(first):
        raise TabularError(f"{headers[first]}: column names must be unique and not empty, found {', '.join(first)!r}")
    return first


def _check_columns(parameter: str, names: Sequence[str], columns: Sequence[str]) -> None:
    if unknown := [name for name in names if name not in columns]:
        raise TabularError(f"{parameter}: no column {', '.join(unknown)}; columns: {', '.join(columns)}")


def _infer_types(source: CsvSource, spans: Sequence[SpanFiles], declared: Mapping[str, str]) -> dict[str, ColumnType]:
    fixed = declared_types(declared, source.columns)
    inference = TypeInference([name for name in source.columns if name not in fixed])
    for name in (name for span in spans for name in span.files):
        for batch in source.batches(name):
            inference.add(batch)
    inferred = inference.types()
    return {name: fixed[name] if name in fixed else inferred[name] for name in source.columns}


def _write_span(
    source: CsvSource,
    span: SpanFiles,
    folder: Path,
    table: Sequence[str],
    key: Sequence[str],
    required: Sequence[str],
    types: Mapping[str, ColumnType],
) -> SpanCount:
    schema = arrow_schema(pl.DataFrame(schema={name: POLARS_TYPES[types[name]] for name in source.columns}))
    sinks = {split: ParquetSink(span_file(folder, split, span.span), schema) for split in dict.fromkeys(table)}
    split_of_bucket = np.array(table)
    count = SpanCount()
    try:
        for batch in (batch for name in span.files for batch in source.batches(name)):
            count.read += batch.height
            kept = _drop_missing(batch, required, count.dropped)
            names = split_of_bucket[assign_buckets(kept, key, len(table))]
            values = typed(kept, types)
            for split, sink in sinks.items():
                sink.write(values.filter(pl.Series(names == split)))
    finally:
        for sink in sinks.values():
            sink.close()
    count.written.update({split: sink.rows for split, sink in sinks.items()})
    return count


def _drop_missing(batch: pl.DataFrame, required: Sequence[str], dropped: Counter[str]) -> pl.DataFrame:
    for name in required:
        missing = batch[name].null_count()
        dropped[f"{name} is missing"] += missing
        batch = batch.filter(pl.col(name).is_not_null()) if missing else batch
    return batch


def _dropped_text(counts: Mapping[int, SpanCount]) -> str:
    total = sum((count.dropped for count in counts.values()), Counter[str]())
    return ", ".join(f"{reason} ({number})" for reason, number in sorted(total.items())) or "none"
