"""BatchPrediction: plans shards, has workers finish those that are not there yet, accounts for every row."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, cast

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, JsonValue

from cmcore import Context, Executor, Secret
from cmcore.artifacts import Artifact, Examples
from cmcore.components.component import Bound
from cmcore.errors import UsageError
from cmcore.inference.interface import Interface, read_model
from cmcore_models.batch.check import job_digest
from cmcore_models.batch.columns import output_schema, refused_types
from cmcore_models.batch.crew import finished_shards
from cmcore_models.batch.document import MANIFEST_FILE, Finished, Manifest, Order, WrittenShard
from cmcore_models.batch.finished import alone_in, found, hand_over, shard_file, tidy
from cmcore_models.batch.rows import settled
from cmcore_models.batch.shards import Shard, Source, folder_digest, planned, read_source
from cmcore_models.batch.table import PredictionTable, opened
from cmcore_models.errors import BatchError
from cmcore_models.plugin import FLAVORS


class Wanted(BaseModel):
    """The parameters of the component; what they mean stands in its spec."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    split: str
    pattern: str
    keep: tuple[str, ...]
    flavor: str
    batch_rows: int
    shard_rows: int
    workers: int
    threads: int
    on_bad_row: Literal["fail", "null"]
    database: str
    password: Secret[str] | None
    table: str
    work_folder: str


class BatchPrediction(Executor):
    """The work of the component `BatchPredictor`."""

    def run(
        self,
        inputs: Mapping[str, Bound],
        outputs: Mapping[str, Artifact],
        parameters: Mapping[str, object],
        context: Context,
    ) -> dict[str, int]:
        """Write the predictions and their manifest; the rows, and those of them that were bad. Raises BatchError."""
        wanted = Wanted.model_validate(dict(parameters))
        if bool(wanted.database) != bool(wanted.table):
            raise BatchError("a database and a table are given together, or neither of them")
        model, given = cast("Artifact", inputs["model"]), rows_given(inputs)
        model_digest = model.digest or folder_digest(model.path)
        job = job_digest(
            model_digest, given.digest or folder_digest(given.path), cast("Mapping[str, JsonValue]", parameters)
        )
        sources = [read_source(path, name) for name, path in files_of(given, wanted)]
        interface, flavor = interface_of(model.path), flavor_of(model.path, wanted.flavor)
        schema = schema_of(sources, interface, wanted.keep)
        facts: dict[str, JsonValue] = {
            "flavor": flavor, "keep": list(wanted.keep), "batch_rows": wanted.batch_rows,
            "on_bad_row": wanted.on_bad_row,
        }  # fmt: skip
        folder = work_folder(wanted, context, outputs["predictions"].path, job)
        order = Order(
            model=str(model.path), factory=FLAVORS[flavor][0], interface=interface, threads=wanted.threads,
            keep=wanted.keep, batch_rows=wanted.batch_rows, null_bad_rows=wanted.on_bad_row == "null",
            folder=str(folder),
        )  # fmt: skip
        shards = planned(sources, wanted.shard_rows, model_digest, facts)
        with alone_in(folder, lambda: refuse_if_cancelled(context)):
            done = carried_out(order, shards, wanted, schema, job, context)
            target = outputs["predictions"].path
            for shard in shards:
                hand_over(folder, shard, target)
            manifest = manifest_of(
                model_digest, flavor, schema, [WrittenShard.of(it, done[it.number]) for it in shards]
            )
            (target / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
            tidy(folder)
        return {"rows": manifest.rows_in, "bad_rows": manifest.bad_rows}


def rows_given(inputs: Mapping[str, Bound]) -> Artifact:
    """The examples or the files; raises UsageError for both or none."""
    given = [artifact for key in ("examples", "files") if isinstance(artifact := inputs.get(key), Artifact)]
    if len(given) != 1:
        raise UsageError(f"BatchPredictor reads `examples` or `files`; {len(given) or 'none'} of them were given")
    return given[0]


def files_of(given: Artifact, wanted: Wanted) -> Iterator[tuple[str, Path]]:
    """The Parquet files in the order of their names; raises BatchError where there are none."""
    pattern = wanted.pattern
    if isinstance(given, Examples):
        splits = sorted(folder.name.removeprefix("Split-") for folder in given.path.glob("Split-*"))
        if wanted.split and wanted.split not in splits:
            raise BatchError(f"no split {wanted.split!r} in these examples; splits: {', '.join(splits) or 'none'}")
        pattern = f"Split-{wanted.split or '*'}/**/*.parquet"
    elif wanted.split:
        raise BatchError(f"split {wanted.split!r} is asked for, and plain files have none; give pattern instead")
    found = (path.relative_to(given.path).as_posix() for path in given.path.glob(pattern) if path.is_file())
    names = sorted(found, key=by_number)
    if not names:
        raise BatchError(f"no file in {given.path} is like {pattern!r}")
    yield from ((name, given.path / name) for name in names)


def by_number(name: str) -> list[tuple[str, int]]:
    """A key that puts span-2 before span-10."""
    return [(text, int(number or 0)) for text, number in re.findall(r"(\D*)(\d*)", name)]


def interface_of(folder: Path) -> Interface:
    """What the model takes and gives; raises BatchError where it does not say so."""
    interface = read_model(folder).interface
    if interface is None:
        raise BatchError(f"the model in {folder} has no signature, which says its inputs and outputs; log it with one")
    return settled(interface)


def flavor_of(folder: Path, asked: str) -> str:
    """The flavor that runs the model; raises BatchError."""
    has = read_model(folder).flavors
    chosen = asked or next((name for name in FLAVORS if name in has), "")
    if chosen not in has or chosen not in FLAVORS:
        raise BatchError(
            f"{f'flavor {asked!r} was asked for' if asked else 'no flavor can be run'}: the model has "
            f"{', '.join(has) or 'none'}, and {', '.join(FLAVORS)} can be run"
        )
    return chosen


def schema_of(sources: Sequence[Source], interface: Interface, keep: Sequence[str]) -> pa.Schema:
    """The columns of the predictions; raises BatchError naming everything in any file that does not fit."""
    problems: list[str] = []
    schemas: list[pa.Schema] = []
    for source in sources:
        absent = [name for name in keep if name not in source.schema.names]
        problems += [f"{source.name}: there is no column {name!r} to keep" for name in absent]
        problems += [f"{source.name}: {problem}" for problem in refused_types(source.schema, interface)]
        if not absent:
            schemas.append(output_schema(interface, [source.schema.field(name) for name in keep]))
    types = {schema.remove_metadata() for schema in schemas}
    if len(types) > 1:
        differing = sorted({field.name for schema in types for field in schema if field not in schemas[0]})
        problems.append(f"the columns to keep have different types in different files: {', '.join(differing)}")
    if problems:
        raise BatchError("\n  ".join(["the rows do not fit the model:", *problems]))
    return schemas[0].remove_metadata()


def work_folder(wanted: Wanted, context: Context, output: Path, job: str) -> Path:
    """Where finished shards of this job wait: the same for every attempt at it."""
    if wanted.work_folder:
        return (Path(wanted.work_folder) / f"batch-{job[:16]}").absolute()
    try:
        return context.work_dir.parent / f"batch-{job[:16]}"  # scratch of the node, of which each attempt has a part
    except UsageError:  # a plain call
        return output.parent / f".{output.name}-{job[:16]}"


def carried_out(
    order: Order, shards: Sequence[Shard], wanted: Wanted, schema: pa.Schema, job: str, context: Context
) -> dict[int, Finished]:
    """All shards finished, by number, and their rows in the table; only those that are not there yet are computed."""
    folder = Path(order.folder)
    earlier = {shard.number: kept for shard in shards if (kept := found(folder, shard))}
    if earlier:
        context.log(f"{len(earlier)} of {len(shards)} shards were finished by an earlier attempt")
    tally = Tally(context, sum(shard.rows for shard in shards), sum(kept.rows_in for kept in earlier.values()))
    left = [shard for shard in shards if shard.number not in earlier]
    done = dict(earlier)
    with appending(wanted, schema, order, shards, job) as append:
        append(done)
        for shard, result in finished_shards(order, left, wanted.workers, lambda: refuse_if_cancelled(context)):
            done[shard.number] = result
            tally.add(result.rows_in)
            append(done)
    return done


class Tally:
    """Tells how far the work is; what an earlier attempt did counts as done, and not for the speed."""

    def __init__(self, context: Context, total: int, earlier: int) -> None:
        self._context, self._total, self._earlier = context, total, earlier
        self._started = time.monotonic()
        self._rows = self._shards = 0
        context.progress(earlier, total, "rows")

    def add(self, rows: int) -> None:
        """One more shard is finished."""
        self._rows, self._shards = self._rows + rows, self._shards + 1
        self._context.progress(self._earlier + self._rows, self._total, "rows")
        speed = self._rows / max(time.monotonic() - self._started, 1e-9)
        self._context.metric("rows_per_second", speed, step=self._shards)


class Append:
    """Appends finished shards to a table in their order, and notes the end."""

    def __init__(self, table: PredictionTable, folder: Path, shards: Sequence[Shard], job: str) -> None:
        self._table, self._folder, self._shards, self._job = table, folder, shards, job
        self._next = 0

    def __call__(self, done: Mapping[int, Finished]) -> None:
        """Append those whose turn it is."""
        while self._next < len(self._shards) and self._next in done:
            digest = self._shards[self._next].digest
            self._table.append(digest, shard_file(self._folder, digest))
            self._next += 1
        if self._next == len(self._shards):
            self._table.complete(self._job, sum(it.rows_out for it in done.values()))


@contextmanager
def appending(
    wanted: Wanted, schema: pa.Schema, order: Order, shards: Sequence[Shard], job: str
) -> Iterator[Append | NoTable]:
    """What shards are given to once they are finished."""
    if not wanted.database:
        yield NoTable()
        return
    password = wanted.password.reveal() if wanted.password else None
    with ExitStack() as stack:
        engine = stack.enter_context(opened(wanted.database, password))
        yield Append(PredictionTable(engine, wanted.table, schema), Path(order.folder), shards, job)


class NoTable:
    """No table was asked for."""

    def __call__(self, done: Mapping[int, Finished]) -> None:
        """Nothing."""


def refuse_if_cancelled(context: Context) -> None:
    """Raises BatchError once the attempt is to stop."""
    if context.cancelled:
        raise BatchError("cancelled; finished shards are kept for the next attempt")


def manifest_of(model: str, flavor: str, schema: pa.Schema, shards: Sequence[WrittenShard]) -> Manifest:
    """The output's manifest; raises BatchError where rows were lost."""
    rows_in, rows_out = sum(it.rows_in for it in shards), sum(it.rows_out for it in shards)
    if rows_in != rows_out:
        raise BatchError(f"{rows_in} rows went in and {rows_out} came out; this is a defect of BatchPredictor")
    return Manifest(
        model=model, flavor=flavor, columns={field.name: str(field.type) for field in schema},
        rows_in=rows_in, rows_out=rows_out, bad_rows=sum(it.bad_rows for it in shards), shards=tuple(shards),
    )  # fmt: skip
