"""`cm runs`: the runs of a project as a table. What is told of each is put together in the runtime's accounts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.runtime.account import RunAccount
    from cmcore.stack import Project

SEARCHED = 1000
HEADINGS = ("run", "state", "started", "took", "executed", "cached", "failed", "by")


@click.command()
@click.option("--pipeline", default="", metavar="NAME", help="Only runs of this pipeline.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), metavar="N", help="At most N.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list.")
@click.pass_context
def runs(context: click.Context, pipeline: str, limit: int, as_json: bool) -> None:
    """List runs, the newest first.

    LOST is a run that has not ended and that nobody carries out any more: its process was killed. Go on with it by
    cm resume RUN.

    \b
    Examples:
      cm runs
      cm runs --pipeline flights --limit 5 --json

    \b
    Exit codes: 0 listed.
    """
    from cmcore.cli.output import echo_json, echo_table
    from cmcore.runtime.account import line_document

    with (context.find_object(Invocation) or Invocation()).project() as project:
        found = list(accounts(project, pipeline, limit))
        known = (
            ()
            if found or not pipeline
            else sorted({each.pipeline for each in project.ledger.runs.list(limit=SEARCHED)})
        )
    if as_json:
        echo_json([line_document(each) for each in found])
    elif found:
        echo_table(HEADINGS, [row(each, time.time()) for each in found])
    elif known:
        click.echo(f"no runs of pipeline {pipeline!r}; there are runs of {', '.join(known)}")
    else:
        click.echo(f"no runs yet; start one: cm run {pipeline or 'PIPELINE'}")


def accounts(project: Project, pipeline: str, limit: int) -> Iterator[RunAccount]:
    """The accounts of the newest runs."""
    from cmcore.runtime.account import account
    from cmcore.state.journal import Journal

    ledger, journal = project.ledger, Journal(project.database)
    for each in ledger.runs.list(pipeline=pipeline, limit=limit):
        yield account(each, journal.of_run(each.run), ledger.leases.holder(f"run/{each.run}"))


def row(found: RunAccount, now: float) -> list[str | tuple[str, str]]:
    """One line of the table."""
    from cmcore.cli.view.wording import ago, duration, run_color

    counts, run = found.counts, found.row
    ended = run.finished_at or (now if found.holder else None)
    failed = counts["failed"] + counts["canceled"]
    return [
        run.run,
        (found.state, run_color(found.state)),
        ago(now - run.created_at),
        duration(ended - run.created_at if ended else None),
        str(counts["executed"]),
        str(counts["cached"] + counts["reused"]),
        (str(failed), "red" if failed else ""),
        found.holder or run.actor,
    ]
