"""Rows as a table, as JSON, and as the page of the documentation. Values come from `budgets`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.budgets import Row
from benchmarks.suite import Measurements

HEAD = ("what", "measured", "budget", "", "beside")
PAGE = """\
# Benchmarks

The last run of `make bench`, which anyone can repeat; `make bench` prints the same table.
{machine}

{table}

Every figure is the median of fresh processes with bytecode present. What is compared is measured in alternation, so
that a busy moment hits all of it alike. Times are whole processes, from the first instruction of Python to the exit,
in a fresh project whose databases are made by that very run (only the cached re-run finds them). Start-up is CPU time.

- **chain N**: each node reads the JSON file of the one before and writes one with a number more. **fan-out 40**: one
  source, 40 nodes that read it, one join. **no-ops 1000**: nodes without inputs and outputs. **sleepers 40**: nodes
  that sleep half a second and ask for no CPU, with 8 workers. **cached re-run 50**: chain 50 again, unchanged.
- **one more node**: (chain 50 - chain 10) / 40.
- **floor**: the same slope of a loop that does nothing but the two ML-Metadata writes of a node (rows of the same
  shape) and one synced JSON file. It imports nothing of cmcore.
- **bare loop**: the writes with a worker process that stages, digests and renames the file, and syncs nothing.
- **memory**: all processes of the run together, a page that they share counted once.
- **registry**: cmcore's and MLflow's model registry, each with 10,000 versions of one model in a fresh database of its
  own on the same server, asked in turns, in process (MLflow's SQLAlchemy store, so that no HTTP is counted). The 10,000
  are written in bulk, as the rows that each one's own calls write, because those calls would take minutes. To register
  is cmcore's `register`, which computes the number and extends the audit chain, and MLflow's `create_model_version`
  with six tags. MLflow's versions have no metrics: a search by metric stands beside its search by an equal tag.
- **batch prediction**: four times all 336,776 flights from Parquet to Parquet in batches of 8,192, beside a process
  that loops over onnxruntime and writes what it gives. CPU time is that of all processes; memory is the peak of all.
- **updates**: a small ONNX model is replaced by its next version again and again, by `cm serve` in a process of its
  own, while four connections ask without a pause whatever model the endpoint's status names. p99 is of the requests
  that began while an update went on, from wanting a version to the old one's being gone.
- **killed**: SIGKILL for Triton's process while 200 requests per second are due; nobody helps but `cm serve`.
- **serving**: one row of the flights model over HTTP from one client process on the same two cores, one worker and one
  thread each. *Triton by hand* is a model.py of twenty lines on the same Triton process: nothing of cmcore's is between
  client and server, and what differs is that our adapter joins requests that wait. The others run as their guides say,
  in an environment of their own: `mlflow models serve`, MLServer with its MLflow runtime, a BentoML service.
"""


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table, aligned to be read as it is."""
    cells = [HEAD, *((row.what, figure(row.measured, row.unit), limit(row), row.verdict, row.beside) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    head, *body = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    rule = " | ".join("-" * width for width in widths)
    return "\n".join(f"| {line} |" for line in (head, rule, *body))


def figure(value: float, unit: str) -> str:
    """A number with its unit, with as many digits as it deserves."""
    digits = 0 if value >= 100 or not unit else 2
    return f"{value:.{digits}f} {unit}".strip()


def limit(row: Row) -> str:
    """The budget of a row, if it has one."""
    return "" if row.budget is None else figure(row.budget, row.unit)


def machine_line(found: Measurements) -> str:
    """Where the figures were taken; a machine that was busy with other things says so."""
    machine = found.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return (
        f"{machine.cpu}, {machine.cores} cores, load {machine.load:.1f} before and {found.load_after:.1f} after; "
        f"a sync of 1 kB takes {machine.sync_ms:.2f} ms; Python {machine.python}, {versions}."
    )


def page(found: Measurements, rows: Sequence[Row]) -> str:
    """`docs/reference/benchmarks.md`."""
    return PAGE.format(machine=machine_line(found), table=table(rows))


def document(found: Measurements, rows: Sequence[Row]) -> str:
    """Everything as JSON: the rows, and each single measurement behind them."""
    judged = [{**asdict(row), "verdict": row.verdict} for row in rows]
    return json.dumps({"rows": judged, "measurements": asdict(found)}, indent=1)
