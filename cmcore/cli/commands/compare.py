"""`cm compare`: runs side by side, as a table or as a page. In what they differ is decided in `tracking`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.cli.output import Cell
    from cmcore.stack import Project
    from cmcore.tracking.comparison import Comparison, Row
    from cmcore.tracking.values import TrackedFile


@click.command()
@click.argument("words", metavar="[RUN]...", nargs=-1)
@click.option(
    "--html", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Write a page with plots, images and tables instead.",
)  # fmt: skip
@click.option("--maximise", multiple=True, metavar="METRIC", help="Mark the greatest value as the best. Repeatable.")
@click.option("--minimise", multiple=True, metavar="METRIC", help="Mark the smallest value as the best. Repeatable.")
@click.option("--all", "everything", is_flag=True, help="Show also what is the same in all runs.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@click.pass_context
def compare(
    context: click.Context, words: tuple[str, ...], file: Path | None, maximise: tuple[str, ...],
    minimise: tuple[str, ...], everything: bool, as_json: bool,
) -> None:  # fmt: skip
    """Put runs side by side, as a table or as a page with plots.

    RUN is a run's name, the beginning of it, or latest. One run is compared with the one before it of its pipeline;
    without any, the newest is. The page needs no network and no scripts: send it to whom you like.

    \b
    Examples:
      cm compare
      cm compare flights-20260729-101500-ab12 latest --maximise auc
      cm compare run-a run-b run-c --minimise log_loss --html comparison.html

    \b
    Exit codes: 0 compared, 66 no such run.
    """
    from cmcore.cli.chosen_runs import chosen_runs
    from cmcore.cli.output import echo_json
    from cmcore.tracking.comparison import as_json as document
    from cmcore.tracking.comparison import compared

    with (context.find_object(Invocation) or Invocation()).project() as project:
        names = chosen_runs(words, project.ledger.runs)
        found = compared(project.tracking.runs(names), maximise=maximise, minimise=minimise)
        if file:
            write_page(found, project, file)
    if as_json:
        echo_json(document(found))
    elif not file:
        show(found, everything=everything)


def write_page(found: Comparison, project: Project, file: Path) -> None:
    """The page as a file."""
    import time

    from cmcore.errors import StorageError, UsageError
    from cmcore.lineage.walk import payload_gone
    from cmcore.storage.location import payload_tail
    from cmcore.tracking.page import html

    def content(tracked: TrackedFile) -> bytes:
        if gone := payload_gone(project.lineage, payload_tail(tracked.uri)):
            raise StorageError(gone)
        with project.payloads.input(tracked.uri, tracked.digest).open(tracked.path) as stream:
            read = stream.read()
        assert isinstance(read, bytes)
        return read

    text = html(found, points=project.tracking.series, read=content, now=time.time())
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the page cannot be written to {file}: {error.strerror}; name another file") from error
    click.echo(f"wrote {file}", err=True)


def show(found: Comparison, *, everything: bool) -> None:
    """A table for people."""
    from cmcore.cli.output import echo_table
    from cmcore.cli.view.wording import plural

    rows = found.rows if everything else found.differing
    if rows:
        echo_table(["", "", *(run.run for run in found.runs)], [line(row, first) for row, first in marked(rows)])
    else:
        click.echo(f"{', '.join(run.run for run in found.runs)} differ in nothing that was tracked")
    if found.equal and not everything:
        same = "is" if len(found.equal) == 1 else "are"
        click.echo(f"\n{plural(len(found.equal), 'more value')} {same} the same in all runs (--all shows them)")


def marked(rows: Sequence[Row]) -> list[tuple[Row, bool]]:
    """Rows, and whether each is the first of its group."""
    return [(row, place == 0 or rows[place - 1].group is not row.group) for place, row in enumerate(rows)]


def line(row: Row, first: bool) -> list[Cell]:
    """One line of the table."""
    return [
        (row.group.value if first else "", "bright_black"),
        row.name,
        *(cell(row, run) for run in range(len(row.values))),
    ]


def cell(row: Row, run: int) -> Cell:
    """One run's value; the best is marked, and a parameter says who set it."""
    from cmcore.cli.commands.search import written
    from cmcore.cli.view.wording import one_line
    from cmcore.tracking.comparison import Group

    value = row.values[run]
    if value is None:
        return ("-", "bright_black")
    number = row.numbers[run] if row.group is Group.METRICS else None
    text = written(number) if number is not None else value[:19] if value.startswith("sha256:") else one_line(value, 60)
    if row.layers and row.layers[run]:
        return f"{text} ({row.layers[run]})"
    return (f"{text} *", "bold green") if run in row.best else text
