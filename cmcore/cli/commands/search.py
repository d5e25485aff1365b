"""`cm search`: runs by what they tracked. What a filter means is decided in `filters` and `tracking`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.cli.output import Cell
    from cmcore.filters.syntax import Field
    from cmcore.tracking.values import TrackedRun


@click.command()
@click.argument("text", metavar="[FILTER]", default="")
@click.option("--order-by", metavar="FIELD", default="", help="Sort by this field.  [default: the newest first]")
@click.option("--desc/--asc", "descending", default=True, show_default=True, help="The greatest or the smallest first.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), metavar="N", help="At most N.")
@click.option("--columns", default="", metavar="FIELDS", help="Fields to show, with commas between.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list.")
@click.pass_context
def search(
    context: click.Context, text: str, order_by: str, descending: bool, limit: int, columns: str, as_json: bool
) -> None:
    """Find runs by what they tracked.

    A filter compares fields with values by = != < <= > >=, like "x%", in (...) and exists, put together with and, or,
    not and brackets. Fields are run, state, pipeline, project, actor, source, commit, started, finished, duration, and
    metrics.NAME, params.NAME, tags.NAME. A node's own metric is metrics.NODE.NAME. Put quotes or backticks around odd
    names: metrics."val auc". Without a filter, all runs are found.

    \b
    Examples:
      cm search 'metrics.auc > 0.8 and tags.team = "x"'
      cm search 'state = "FAILED" and started > "2 days ago"'
      cm search 'params.lr in (0.1, 0.2)' --order-by metrics.auc --columns params.lr,metrics.auc
      cm search --order-by duration --json

    \b
    Exit codes: 0 searched, 64 the filter cannot be read.
    """
    from cmcore.cli.output import echo_json, echo_table
    from cmcore.filters.parse import parse, parse_field
    from cmcore.runtime.states import RunState
    from cmcore.tracking.absent import absent
    from cmcore.tracking.columns import document, telling
    from cmcore.tracking.query import Order

    asked = parse(text) if text else None
    field = parse_field(order_by) if order_by else None
    chosen = [parse_field(word) for word in columns.split(",") if word.strip()]
    order = Order(field=field, descending=descending) if field else None
    with (context.find_object(Invocation) or Invocation()).project() as project:
        found = project.tracking.search(asked, order_by=order, limit=limit)
        why = absent(asked, project.tracking.names, tuple(RunState)) if asked and not found else []
    if as_json:
        echo_json([document(run) for run in found])
    elif found:
        shown = chosen or telling(asked, field, found)
        echo_table([*HEADINGS, *map(heading, shown)], [row(run, shown) for run in found])
    else:
        click.echo(
            ": ".join(filter(None, ("no run matches", "; ".join(why))))
            if text
            else "no runs yet; start one: cm run PIPELINE"
        )


HEADINGS = ("run", "state", "started", "took")


def heading(field: Field) -> str:
    """The heading of a column; metrics go without their group."""
    return field.name if field.group == "metrics" else str(field)


def row(run: TrackedRun, fields: Sequence[Field]) -> list[Cell]:
    """One line of the table."""
    import time

    from cmcore.cli.view.wording import ago, duration, run_color

    facts: list[Cell] = [
        run.run,
        (run.state, run_color(run.state)),
        ago(time.time() - run.created_at),
        duration(run.duration_s),
    ]
    return [*facts, *(cell(run, field) for field in fields)]


def cell(run: TrackedRun, field: Field) -> str:
    """The values of a field; times as people write them."""
    import time

    from cmcore.cli.view.wording import duration, one_line
    from cmcore.tracking.columns import values

    found = values(run, field)
    if not field.group and field.name in {"started", "finished"}:
        return "".join(time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(value))) for value in found)
    if not field.group and field.name == "duration":
        return "".join(duration(float(value)) for value in found)
    return one_line(", ".join(dict.fromkeys(map(written, found))), 60)


def written(value: str | float) -> str:
    """A value in a table."""
    import math

    from cmcore.cli.view.wording import number

    if isinstance(value, str):
        return value
    return number(value) if math.isfinite(value) else str(value)
