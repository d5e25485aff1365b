"""`cm leaderboard`: runs ranked by a metric. The ranking is `tracking`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.cli.output import Cell
    from cmcore.tracking.values import Rank

HEADINGS = ("", "run", "value", "node", "state", "started", "tags")


@click.command()
@click.argument("metric")
@click.option("--minimise", is_flag=True, help="The smallest value is the best.")
@click.option("--where", "text", default="", metavar="FILTER", help="Only runs for which this holds; see cm search.")
@click.option("--pipeline", default="", metavar="NAME", help="Only runs of this pipeline.")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 10_000), metavar="N", help="At most N.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list.")
@click.pass_context
def leaderboard(
    context: click.Context, metric: str, minimise: bool, text: str, pipeline: str, limit: int, as_json: bool
) -> None:
    """Rank runs by a metric, the best first.

    METRIC is a name such as auc, which may be any node's, or evaluator.auc for one node's. A run counts with its best
    value; runs without one, or with NaN only, are left out.

    \b
    Examples:
      cm leaderboard auc
      cm leaderboard evaluator.log_loss --minimise --pipeline flights
      cm leaderboard auc --where 'tags.team = "x" and started > "2026-07-01"'

    \b
    Exit codes: 0 ranked, 64 the filter cannot be read, 66 no run has that metric.
    """
    from cmcore.cli.output import echo_json, echo_table
    from cmcore.errors import NotFoundError
    from cmcore.filters.parse import parse
    from cmcore.tracking.query import of_pipeline

    asked = of_pipeline(pipeline, parse(text) if text else None)
    with (context.find_object(Invocation) or Invocation()).project() as project:
        found = project.tracking.leaderboard(metric, minimise=minimise, asked=asked, limit=limit)
        known = () if found else project.tracking.metric_names()
    if not found:
        names = f"; there is {', '.join(known)}" if known else "; no run has tracked any"
        raise NotFoundError(f"no such run has a number as metric {metric!r}{names}")
    if as_json:
        echo_json([document(rank) for rank in found])
    else:
        echo_table(HEADINGS, [row(rank) for rank in found])


def document(rank: Rank) -> dict[str, object]:
    """One place as JSON."""
    run = rank.run
    return {"place": rank.place, "run": run.run, "node": rank.node, "value": rank.value, "tags": run.tags}


def row(rank: Rank) -> list[Cell]:
    """One line of the table."""
    import time

    from cmcore.cli.commands.search import written
    from cmcore.cli.view.wording import ago, one_line, run_color

    run = rank.run
    tags = ", ".join(f"{name}={value}" for name, value in run.tags.items())
    return [
        str(rank.place),
        run.run,
        (written(rank.value), "bold"),
        rank.node,
        (run.state, run_color(run.state)),
        ago(time.time() - run.created_at),
        one_line(tags, 60),
    ]
