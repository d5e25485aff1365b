"""`cm profile`: latency and throughput of a version in setups of a server. What is measured, and which is the cheapest
that is good enough, is the sandbox's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.cli.output import Cell
    from cmcore.sandbox.account import Account
    from cmcore.sandbox.grid import Reading
    from cmcore.sandbox.profiling import Listen

HEADINGS = ("instances", "batch", "at once", "requests/s", "p50 ms", "p90 ms", "p99 ms", "max ms", "cost", "")


@click.command()
@click.argument("reference", metavar="MODEL[@VERSION]")
@click.option("--endpoint", default="", metavar="FILE", help="An Endpoint document: its backend, configs and SLO.")
@click.option("--variant", default="", metavar="NAME", help="The variant whose configs are used.")
@click.option("--backend", default="", metavar="NAME", help="A serving backend.  [default: the project's only one]")
@click.option("--batch-sizes", default="1,8,32", show_default=True, metavar="N,N", help="Rows one call takes at most.")
@click.option("--instances", default="1,2", show_default=True, metavar="N,N", help="Instances of the model.")
@click.option("--concurrency", default="1,4,16", show_default=True, metavar="N,N", help="Requests always under way.")
@click.option("--rows", default=1, show_default=True, type=click.IntRange(1, 100_000), help="Rows of each request.")
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(0.1, 3600), help="For each reading.")
@click.option("--p99-ms", type=click.FloatRange(0, min_open=True), help="The p99 that is good enough.")
@click.option("--rps", type=click.FloatRange(0, min_open=True), help="Requests a second that are enough.")
@click.option("--beside", is_flag=True, help="Where production is a server by URL: load the model there beside others.")
@click.option(
    "--html", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a page with plots."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with every reading.")
@click.pass_context
def profile(
    context: click.Context,
    *,
    reference: str,
    endpoint: str,
    variant: str,
    backend: str,
    batch_sizes: str,
    instances: str,
    concurrency: str,
    rows: int,
    seconds: float,
    p99_ms: float | None,
    rps: float | None,
    beside: bool,
    file: Path | None,
    as_json: bool,
) -> None:
    """Measure a version on a server of its own before it is promoted, and find the cheapest setup that is good enough.

    Each setup (instances and batch size) is loaded in turn into a private server of the backend, with production's
    options, and asked by clients that send the next request as soon as they have an answer. Cost is CPU cores times
    instances. The setup that is chosen is written as a fragment for the endpoint's document.

    \b
    Examples:
      cm profile flights@1.2.0 --p99-ms 20 --rps 500
      cm profile flights@candidate --endpoint endpoints/flights.yaml --html profile.html
      cm profile flights --backend triton --instances 1,2,4 --batch-sizes 1,16 --concurrency 1,8,32

    \b
    Exit codes: 0 a setup is good enough, 1 none is, 64 setups that cannot be, 66 no such version, 69 no server,
    70 the server or the model refuses every setup, 74 changed or lost bytes, 78 no such backend.
    """
    from cmcore.cli.output import echo_json
    from cmcore.sandbox.account import Grid, account
    from cmcore.sandbox.choice import Goal
    from cmcore.sandbox.conditions import Asked

    asked = Asked(endpoint=endpoint, variant=variant, backend=backend, beside=beside)
    grid = Grid.of(batch_sizes=batch_sizes, instances=instances, concurrency=concurrency, rows=rows, seconds=seconds)
    with (context.find_object(Invocation) or Invocation()).project() as project, progress() as listen:
        from cmcore.registry.names import Reference
        from cmcore.stack.governance import registered_files

        version = project.registry.version(Reference.parse(reference))
        found = account(
            registered_files(project, version),
            str(version),
            plugins=project.plugins,
            settings=project.settings.values,
            folder=project.folder,
            asked=asked,
            grid=grid,
            goal=Goal(p99_ms=p99_ms, rps=rps),
            listen=listen,
        )
    if file:
        write_page(found, file)
    if as_json:
        echo_json(found.document())
    else:
        show(found)
    if found.chosen is None:
        context.exit(1)


@contextmanager
def progress() -> Iterator[Listen]:
    """A bar on stderr; nothing where nobody looks at it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("starting the server", total=None)

        def listen(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=what)

        yield listen


def write_page(found: Account, file: Path) -> None:
    """The page as a file."""
    import time

    from cmcore.errors import UsageError

    try:
        file.write_text(found.page(now=time.time()), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the page cannot be written to {file}: {error.strerror}; name another file") from error
    click.echo(f"wrote {file}", err=True)


def show(found: Account) -> None:
    """A table for people, and what to ask for."""
    from cmcore.cli.output import echo_table, heading
    from cmcore.cli.view.wording import one_line

    click.echo(found.where)
    echo_table(HEADINGS, [row(found, reading) for reading in found.readings])
    for setup, reason in found.profile.refused.items():
        click.echo(f"{click.style('refused', fg='red')} {setup}: {one_line(reason, 2000)}")
    click.echo(f"\n{click.style(found.verdict, bold=True)}")
    if found.fragment:
        heading("For the endpoint's document")
        click.echo(found.fragment.rstrip("\n"))


def row(found: Account, reading: Reading) -> list[Cell]:
    """One line of the table."""
    from cmcore.sandbox.page import ms

    good, setup = found.goal.met_by(reading), reading.setup
    failures = ", ".join(f"{count} {kind}" for kind, count in reading.failures.items())
    remark: Cell = (failures, "red") if failures else "chosen" if reading == found.chosen else "good" if good else ""
    style = "bold green" if reading == found.chosen else "" if good else "bright_black"
    figures = [reading.p50_ms, reading.p90_ms, reading.p99_ms, reading.max_ms]
    return [
        (str(setup.instances), style),
        (str(setup.batch_size), style),
        (str(reading.concurrency), style),
        (f"{reading.rps:.0f}", style),
        *((ms(figure), style) for figure in figures),
        (f"{found.cost(setup):g}", style),
        remark if isinstance(remark, tuple) else (remark, style),
    ]
