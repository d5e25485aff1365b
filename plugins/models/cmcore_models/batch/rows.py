"""One shard: rows read from Parquet in batches, answered, written to a file. Memory is that of some batches."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cmcore.inference.interface import Interface
from cmcore_models.batch.answers import Asker, BadRows
from cmcore_models.batch.columns import output_schema
from cmcore_models.batch.shards import Shard
from cmcore_models.errors import BatchError

READ_BYTES = 1 << 20  # a column chunk is read in parts of this size, however large its row group is
GROUP_ROWS = 65_536


def predicted(shard: Shard, asker: Asker, keep: Sequence[str], batch_rows: int, target: Path) -> tuple[int, BadRows]:
    """Write the predictions of a shard; how many rows it had, and what of them was bad. Raises BatchError."""
    bad = BadRows(allowed=asker.bad.allowed)
    own = Asker(predictor=asker.predictor, interface=asker.interface, bad=bad)
    rows = 0
    with pq.ParquetFile(shard.file, buffer_size=READ_BYTES) as parquet:
        starts = [0, *accumulate(parquet.metadata.row_group(it).num_rows for it in range(parquet.num_row_groups))]
        fields = [parquet.schema_arrow.field(name) for name in keep]
        schema = output_schema(asker.interface, fields)
        there = [spec.name for spec in asker.interface.inputs if spec.name in parquet.schema_arrow.names]
        with Sink(target, schema) as sink:
            for first, batch in batches(parquet, shard, starts, list(dict.fromkeys([*keep, *there])), batch_rows):
                bad.place = lambda row, first=first: place(shard, starts, first + row)  # type: ignore[misc] # bound now
                answers = own.columns(batch)
                kept = [batch.column(name) for name in keep]
                sink.write(pa.Table.from_arrays([*kept, *answers], schema=schema))
                rows += batch.num_rows
    if rows != shard.rows:
        raise BatchError(f"{shard.name} gave {rows} rows from row {shard.first}, and had {shard.rows}: it was changed")
    return rows, bad


def batches(
    parquet: pq.ParquetFile, shard: Shard, starts: Sequence[int], columns: list[str], batch_rows: int
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The shard's rows in order, each batch with the number of its first row in the file."""
    groups = [it for it, (start, stop) in enumerate(pairwise(starts)) if start < shard.stop and stop > shard.first]
    if not groups:
        return
    at = starts[groups[0]]
    try:
        for batch in parquet.iter_batches(batch_rows, row_groups=groups, columns=columns, use_threads=False):
            first, stop = max(shard.first - at, 0), min(shard.stop - at, batch.num_rows)
            if first < stop:
                yield at + first, batch.slice(first, stop - first)
            at += batch.num_rows
            if at >= shard.stop:
                return
    except (OSError, pa.ArrowException) as error:
        raise BatchError(f"{place(shard, starts, at)} and those after it cannot be read: {error}") from error


def place(shard: Shard, starts: Sequence[int], row: int) -> str:
    """Where a row is: file, row group and row, both counted from 0."""
    return f"{shard.name}, row group {max(bisect_right(starts, row) - 1, 0)}, row {row}"


class Sink:
    """A Parquet file in row groups of one size; equal batches give equal bytes."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", version="2.6")
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def write(self, table: pa.Table) -> None:
        """Append rows; a full row group goes to the file."""
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks(), row_group_size=GROUP_ROWS)
        self._waiting, self._rows = [], 0


def settled(interface: Interface) -> Interface:
    """The interface itself; raises BatchError for a model that takes no batches."""
    if not interface.batched:
        raise BatchError("the model's tensors do not begin with rows, so it cannot be asked for batches of them")
    return interface
