"""Examples on disk: `Split-<name>/span-<n>.parquet`, read and written in batches of bounded size."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from cmcore.artifacts import Examples
from cmcore_tabular.errors import TabularError

BATCH_ROWS = 65_536


def span_file(folder: Path, split: str, span: int) -> Path:
    """Where the rows of one split and span lie."""
    return folder / f"Split-{split}" / f"span-{span}.parquet"


def spans_of(examples: Examples, split: str) -> dict[int, Path]:
    """The files of one split by span, ascending; raises TabularError where the split does not exist."""
    folder = examples.path / f"Split-{split}"
    if not folder.is_dir():
        raise TabularError(
            f"no split {split!r} in these examples; splits: {', '.join(split_names(examples)) or 'none'}"
        )
    spans = {}
    for file in folder.glob("*.parquet"):
        match = re.fullmatch(r"span-([0-9]+)", file.stem)
        spans[int(match[1]) if match else 0] = file
    return dict(sorted(spans.items()))


def split_names(examples: Examples) -> list[str]:
    """The splits that exist, sorted."""
    return sorted(folder.name.removeprefix("Split-") for folder in examples.path.glob("Split-*"))


def batches(file: Path, columns: Sequence[str] | None = None, rows: int = BATCH_ROWS) -> Iterator[pl.DataFrame]:
    """The rows of one file in order, at most `rows` at a time."""
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(batch_size=rows, columns=columns, use_threads=False):
            yield pl.DataFrame(pl.from_arrow(batch))


def columns_of(file: Path) -> dict[str, pl.DataType]:
    """The columns of one file with their types."""
    return dict(pl.read_parquet_schema(file))


def load_split(examples: Examples, split: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """All rows of one split, spans ascending, as one frame: for what must hold them at once, such as training."""
    files = spans_of(examples, split).values()
    frames = [pl.read_parquet(file, columns=list(columns) if columns else None) for file in files]
    if not frames:
        raise TabularError(f"split {split!r} of these examples has no file; run CsvExampleGen with at least one span")
    return pl.concat(frames)


class ParquetSink:
    """Writes batches of one schema to one file; equal rows give equal bytes, however they are cut into batches."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", version="2.6")
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0
        self.rows = 0

    def write(self, frame: pl.DataFrame) -> None:
        """Append a batch; a full row group goes to the file."""
        self._waiting.append(frame)
        self._waiting_rows += frame.height
        self.rows += frame.height
        if self._waiting_rows >= BATCH_ROWS:
            self._flush(self._waiting_rows // BATCH_ROWS * BATCH_ROWS)

    def _flush(self, rows: int) -> None:
        waiting = pl.concat(self._waiting)
        self._writer.write_table(waiting[:rows].to_arrow().cast(self._schema), row_group_size=BATCH_ROWS)
        self._waiting, self._waiting_rows = [waiting[rows:]], self._waiting_rows - rows

    def close(self) -> None:
        """Finish the file; one without rows is a valid file with the schema alone."""
        if self._waiting_rows:
            self._flush(self._waiting_rows)
        self._writer.close()


def arrow_schema(frame: pl.DataFrame) -> pa.Schema:
    """The schema that a frame is stored with: plain strings, microseconds."""
    fields = []
    for field in frame.head(0).to_arrow().schema:
        kind = pa.string() if pa.types.is_large_string(field.type) or "string" in str(field.type) else field.type
        fields.append(pa.field(field.name, kind))
    return pa.schema(fields)
