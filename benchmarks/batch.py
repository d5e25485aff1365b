"""Batch prediction of all flights beside a bare loop over onnxruntime: rows per second, and memory as rows double.

`python -m benchmarks.batch` prints the figures alone. Model and Parquet are made once, in `build/batch`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.memory import peak_mib
from benchmarks.process import PYTHON, REPOSITORY, BenchmarkError, Usage, environment, measured

Say = Callable[[str], None]
BUILT = REPOSITORY / "build" / "batch"
EXAMPLE = REPOSITORY / "examples" / "flights"
FLIGHTS = 336_776
BATCH_ROWS = 8_192
TIMES = (1, 2, 4)
SPEED_TIMES = 4  # so that the start of a process weighs little
WORKERS = (1, 2)
GROUP_ROWS = 65_536
KEPT = ["flight", "year", "month", "day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFigures:
    """Whole processes over `SPEED_TIMES` x all flights by who did it, and peak MiB by how many times all flights."""

    runs: Mapping[str, tuple[Usage, ...]]
    peak_mib: Mapping[int, float]

    def rows_per_second(self, name: str) -> float:
        """The median speed."""
        return FLIGHTS * SPEED_TIMES / median(usage.wall_s for usage in self.runs[name])

    def cpu_s(self, name: str) -> float:
        """The median CPU time of the process and its workers."""
        return median(usage.cpu_s for usage in self.runs[name])


def batch_figures(rounds: int, say: Say) -> BatchFigures:
    """Measure; what is compared alternates."""
    prepared(say)
    taken: dict[str, list[Usage]] = {"plain loop": [], **{f"{count} workers": [] for count in WORKERS}}
    for number in range(rounds):
        say(f"batch prediction, {number + 1} of {rounds}")
        taken["plain loop"].append(measured(plain(SPEED_TIMES)))
        for count in WORKERS:
            taken[f"{count} workers"].append(measured(ours(SPEED_TIMES, count)))
    say("memory of batch prediction")
    peaks = {times: peak_mib(ours(times, 1), cwd=REPOSITORY) for times in TIMES}
    return BatchFigures(runs={name: tuple(found) for name, found in taken.items()}, peak_mib=peaks)


def plain(times: int) -> list[str]:
    """The bare loop over so many times all flights."""
    return [PYTHON, "-m", "benchmarks.batch", "plain", str(times)]


def ours(times: int, workers: int) -> list[str]:
    """The component over so many times all flights."""
    return [PYTHON, "-m", "benchmarks.batch", "ours", str(times), str(workers)]


def prepared(say: Say) -> None:
    """The model and the flights as Parquet in `build/batch`, made in a process of its own where they are not there."""
    if (BUILT / "ready").exists():
        return
    say("the flights model, once")
    shutil.rmtree(BUILT, ignore_errors=True)
    variables = environment({"PYTHONPATH": f"{EXAMPLE}{os.pathsep}{REPOSITORY}"})
    made = subprocess.run(  # noqa: S603 # our own module
        [PYTHON, "-m", "benchmarks.batch", "prepare"], cwd=REPOSITORY, env=variables, capture_output=True, check=False
    )
    if made.returncode:
        raise BenchmarkError(f"the flights model could not be made:\n{made.stderr.decode(errors='replace')}")
    (BUILT / "ready").touch()


def prepare() -> None:
    """Train as the flights example does, and write all flights, those without a label too."""
    import polars as pl
    from pipeline import FEATURES
    from prepare import flights_with_weather, package_data, write_months

    from cmcore import CodeRef
    from cmcore.artifacts import Examples, Files, Model, Schema, Statistics, TransformGraph
    from cmcore_tabular import CsvExampleGen, SchemaGen, StatisticsGen, Trainer, Transform

    rows = flights_with_weather(package_data())
    write_months(rows, BUILT / "csv")
    examples, transformed = Examples.at(BUILT / "examples"), Examples.at(BUILT / "transformed")
    statistics, schema = Statistics.at(BUILT / "statistics"), Schema.at(BUILT / "schema")
    graph, model = TransformGraph.at(BUILT / "graph"), Model.at(BUILT / "model")
    CsvExampleGen(
        files=Files.at(BUILT / "csv"), examples=examples, pattern="flights-{span}.csv", spans="1..12",
        splits={"train": 4, "eval": 1}, required=["late"],
    )  # fmt: skip
    StatisticsGen(examples=examples, statistics=statistics)
    SchemaGen(statistics=statistics, schema=schema)
    Transform(
        examples=examples, schema=schema, transform_graph=graph, transformed=transformed, features=FEATURES,
        label="late", derive=CodeRef("flights_features:derive"),
    )  # fmt: skip
    Trainer(
        transformed=transformed, transform_graph=graph, examples=examples, model=model,
        estimator_parameters={"max_iter": 200, "learning_rate": 0.1},
    )  # fmt: skip
    for times in TIMES:
        folder = BUILT / f"rows-{times}"
        folder.mkdir()
        for number in range(times):
            rows.with_columns(pl.lit(number).alias("copy")).write_parquet(
                folder / f"flights-{number}.parquet", row_group_size=GROUP_ROWS
            )


def predict(times: int, workers: int) -> None:
    """What a node of a run does."""
    from cmcore.artifacts import Files, Model, Predictions
    from cmcore_models import BatchPredictor

    with tempfile.TemporaryDirectory(dir=BUILT) as folder:
        values = BatchPredictor(
            model=Model.at(BUILT / "model"), files=Files.at(BUILT / f"rows-{times}"), keep=KEPT, workers=workers,
            predictions=Predictions.at(Path(folder) / "predictions"), batch_rows=BATCH_ROWS, on_bad_row="null",
        )  # fmt: skip
    print(json.dumps(values))  # noqa: T201 # what the asking process reads


def loop(times: int) -> None:
    """The least that gives such a file: read a batch, ask one session with one thread, write; nothing is checked."""
    import onnxruntime
    import pyarrow as pa
    import pyarrow.parquet as pq

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(BUILT / "model" / "model.onnx"), options)
    kinds = {it.name: it.type for it in session.get_inputs()}
    with tempfile.TemporaryDirectory(dir=BUILT) as folder:
        for file in sorted((BUILT / f"rows-{times}").iterdir()):
            writer = None
            for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS, columns=[*KEPT, *kinds], use_threads=False):
                feed = {name: fed(batch.column(name), kind) for name, kind in kinds.items()}
                answer = pa.array(session.run(None, feed)[0])
                table = pa.table({**{name: batch.column(name) for name in KEPT}, "probability": answer})
                writer = writer or pq.ParquetWriter(Path(folder) / file.name, table.schema, compression="zstd")
                writer.write_table(table)
            assert writer
            writer.close()


def fed(column: object, kind: str) -> object:
    """A column as the session takes it: a missing whole number is 0, because a bare loop does not find bad rows."""
    import pyarrow as pa

    assert isinstance(column, pa.Array)
    if kind == "tensor(string)":
        return column.fill_null("").to_numpy(zero_copy_only=False)
    if kind == "tensor(int64)":
        return column.fill_null(0).to_numpy(zero_copy_only=False)
    return column.cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)


def say_aloud(what: str) -> None:
    """Progress."""
    sys.stderr.write(f"{what}\n")


def main(words: Sequence[str]) -> None:
    """One of the processes that are measured, or all of it."""
    match list(words):
        case ["prepare"]:
            prepare()
        case ["ours", times, workers]:
            predict(int(times), int(workers))
        case ["plain", times]:
            loop(int(times))
        case _:
            found = batch_figures(3, say_aloud)
            for name in found.runs:
                speed, cpu_s = found.rows_per_second(name), found.cpu_s(name)
                sys.stdout.write(f"{name}: {speed:,.0f} rows per second, {cpu_s:.2f} s of CPU time\n")
            sys.stdout.write(f"peak MiB by times: {dict(found.peak_mib)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
