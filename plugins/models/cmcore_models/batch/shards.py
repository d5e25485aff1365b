"""Shards: which rows of which file make one file of predictions. Planned from Parquet's metadata, no row is read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, JsonValue

from cmcore_models.errors import BatchError


class Shard(BaseModel):
    """The rows `first` to before `stop` of one input file; `digest` is that of everything that its answers depend on.

    `name` is the input file as the output's manifest calls it, `file` where it lies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    file: str
    name: str
    first: int
    stop: int
    digest: str

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.stop - self.first

    @property
    def output_name(self) -> str:
        """Its file in the output."""
        return f"part-{self.number:05d}.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One input file: its rows, its columns, the digest of its bytes."""

    path: Path
    name: str
    rows: int
    schema: pa.Schema
    digest: str


def read_source(path: Path, name: str) -> Source:
    """What a Parquet file says of itself; raises BatchError where it is none."""
    try:
        with path.open("rb") as stream:
            digest = file_digest(stream, "sha256").hexdigest()
        with pq.ParquetFile(path) as parquet:
            return Source(
                path=path, name=name, rows=parquet.metadata.num_rows, schema=parquet.schema_arrow, digest=digest
            )
    except (OSError, pa.ArrowException) as error:
        raise BatchError(f"{name} cannot be read as Parquet: {error}") from error


def planned(sources: Sequence[Source], shard_rows: int, model: str, facts: Mapping[str, JsonValue]) -> list[Shard]:
    """The shards in the order of the files. An input without rows has one empty shard, so that its schema is kept."""
    seen = Counter[str]()
    ranges = []
    for source in sources:
        again = [seen[source.digest]] if seen[source.digest] else []  # files of the same bytes are rows of their own
        seen[source.digest] += 1
        ranges += [(source, first, stop, again) for first, stop in cuts(source.rows, shard_rows)]
    if not ranges and sources:
        ranges = [(sources[0], 0, 0, [])]
    return [
        Shard(
            number=number,
            file=str(source.path),
            name=source.name,
            first=first,
            stop=stop,
            digest=digest_of([model, dict(facts), source.digest, first, stop, *again]),
        )
        for number, (source, first, stop, again) in enumerate(ranges)
    ]


def cuts(rows: int, shard_rows: int) -> Iterator[tuple[int, int]]:
    """The rows of one file in parts of nearly equal size, none above `shard_rows`."""
    parts = -(-rows // shard_rows)
    for part in range(parts):
        yield rows * part // parts, rows * (part + 1) // parts


def digest_of(value: object) -> str:
    """The SHA-256 of a JSON value."""
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def folder_digest(folder: Path) -> str:
    """A digest of a folder outside a run, where no manifest says one."""
    digests = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as stream:
            digests[path.relative_to(folder).as_posix()] = file_digest(stream, "sha256").hexdigest()
    return f"sha256:{digest_of(digests)}"
