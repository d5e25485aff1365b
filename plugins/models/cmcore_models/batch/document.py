"""The values of batch prediction that cross a process border, and the manifest that its output has."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from cmcore.inference.interface import Interface
from cmcore_models.batch.shards import Shard

MANIFEST_FILE = "predictions.json"


class Frozen(BaseModel):
    """A value: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Order(Frozen):
    """What every worker is told once: the model, how to ask it, and what to write where."""

    model: str
    factory: str
    interface: Interface
    threads: int
    keep: tuple[str, ...]
    batch_rows: int
    null_bad_rows: bool
    folder: str


class Finished(Frozen):
    """What became of one shard; `first_bad` says where its first bad row is and why it is one."""

    rows_in: int
    rows_out: int
    bad_rows: int
    first_bad: str = ""
    sha256: str


class WrittenShard(Frozen):
    """One file of the output, and the rows that it answers."""

    file: str
    input: str
    first_row: int
    rows_in: int
    rows_out: int
    bad_rows: int
    first_bad: str = ""
    sha256: str

    @classmethod
    def of(cls, shard: Shard, done: Finished) -> WrittenShard:
        """A shard with what became of it."""
        return cls(file=shard.output_name, input=shard.name, first_row=shard.first, **done.model_dump())


class Manifest(Frozen):
    """`predictions.json`: which model answered what, and every row accounted for."""

    model: str
    flavor: str
    columns: dict[str, str]
    rows_in: int
    rows_out: int
    bad_rows: int
    shards: tuple[WrittenShard, ...]
