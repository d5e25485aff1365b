"""`cm tracking`: how far trackers have got in the event log, and delivering what waits. Couriers do the work."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.cli.output import Cell
    from cmcore.stack import Project
    from cmcore.tracking.couriers import Couriers, TrackerTally
    from cmcore.tracking.standing import Book, Standing

HEADINGS = ("tracker", "delivered", "waiting", "passed over", "newest run", "trouble")
POLL_S = 0.2
LAST_PATIENCE_S = 2.0  # for a call that is under way when the time is over
UNREACHABLE = 69


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="A JSON list.")
@click.pass_context
def tracking(context: click.Context, *, as_json: bool) -> None:
    """How far trackers have got; deliver what waits.

    Trackers (stack.trackers in cm.yaml) are told everything from the project's event log, by a process beside the run.
    A tracker that is down costs a run nothing: what it did not get waits in the log, for the next run or for
    cm tracking deliver.

    \b
    Examples:
      cm tracking
      cm tracking deliver
      cm tracking --json

    \b
    Exit codes: 0 said.
    """
    if context.invoked_subcommand is not None:
        return
    from cmcore.cli.output import echo_json, echo_table
    from cmcore.stack.trackers import books

    with (context.find_object(Invocation) or Invocation()).project() as project:
        found = books(project)
        standings = [book.standing() for book in found]
        links = newest_links(project)
    if as_json:
        echo_json([document(standing, links) for standing in standings])
    elif not standings:
        click.echo("this project has no trackers; name one in cm.yaml under stack.trackers, such as mlflow")
    else:
        echo_table(HEADINGS, [row(standing, links, time.time()) for standing in standings])
        for line in passed_over_lines(found, standings):
            click.echo(line)


@tracking.command()
@click.option("--tracker", "chosen", multiple=True, metavar="NAME", help="Only this one; may be given several times.")
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(0), default=60.0, show_default=True, metavar="S",
    help="Give up after so many seconds.",
)  # fmt: skip
@click.option("--follow", is_flag=True, help="Stay and deliver what comes, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of what came of it.")
@click.pass_context
def deliver(context: click.Context, *, chosen: tuple[str, ...], timeout_s: float, follow: bool, as_json: bool) -> None:
    """Deliver what waits in the event log, and try again while a tracker cannot be reached.

    May be interrupted at any time, and run beside runs: one process at a time delivers to one tracker.

    \b
    Examples:
      cm tracking deliver
      cm tracking deliver --tracker mlflow --timeout 600
      cm tracking deliver --follow

    \b
    Exit codes: 0 nothing waits any more, 69 something does, 78 no such tracker.
    """
    from cmcore.cli.output import echo_json
    from cmcore.stack.trackers import books, couriers, tracker_settings

    with (context.find_object(Invocation) or Invocation()).project() as project:
        for name in chosen:
            tracker_settings(project, name)
        wanted = [book for book in books(project) if not chosen or book.tracker in chosen]
        sent = couriers(project, [book.tracker for book in wanted], patience_s=LAST_PATIENCE_S) if wanted else None
        tallies = carried(sent, wanted, timeout_s=timeout_s, follow=follow) if sent else ()
    if as_json:
        echo_json([{"tracker": it.name, "delivered": it.delivered, "waiting": it.waiting, "trouble": it.reason}
                   for it in tallies])  # fmt: skip
    else:
        for line in tally_lines(tallies):
            click.echo(line)
    context.exit(UNREACHABLE if any(tally.waiting for tally in tallies) else 0)


def carried(sent: Couriers, books: Sequence[Book], *, timeout_s: float, follow: bool) -> tuple[TrackerTally, ...]:
    """Send couriers and show how they get on, until nothing waits, the time is over, or somebody presses Ctrl-C."""
    sent.start(follow=follow)
    try:
        watch(sent, books, give_up_at=None if follow else time.monotonic() + timeout_s)
    except KeyboardInterrupt:
        click.echo("stopping; what is left waits in the log", err=True)
    return sent.close()


def watch(sent: Couriers, books: Sequence[Book], *, give_up_at: float | None) -> None:
    """A bar of what waits, for people."""
    began = sum(book.standing().waiting for book in books)
    shown = sys.stderr.isatty() and began > 0
    with click.progressbar(length=began, label="delivering", file=sys.stderr, hidden=not shown) as bar:
        while sent.working and (give_up_at is None or time.monotonic() < give_up_at):
            bar.update(max(began - sum(book.standing().waiting for book in books) - bar.pos, 0))
            time.sleep(POLL_S)
        bar.update(max(began - sum(book.standing().waiting for book in books) - bar.pos, 0))


def newest_links(project: Project) -> dict[str, str]:
    """The newest run's page at each tracker that has one."""
    from cmcore.stack.trackers import link

    newest = [row.run for row in project.ledger.runs.list(limit=1)]
    return {it.name: link(project, it.name, run) for it in project.settings.values.stack.trackers for run in newest}


def document(standing: Standing, links: dict[str, str]) -> dict[str, object]:
    """One tracker for scripts."""
    return {
        "tracker": standing.tracker,
        "delivered_to": standing.delivered_to,
        "waiting": standing.waiting,
        "passed_over": standing.passed_over,
        "trouble": standing.trouble,
        "since": standing.since,
        "newest_run": links.get(standing.tracker, ""),
    }


def row(standing: Standing, links: dict[str, str], now: float) -> list[Cell]:
    """One tracker for people."""
    from cmcore.cli.view.wording import ago

    since = f" (since {ago(now - standing.since)})" if standing.since else ""
    return [
        standing.tracker,
        str(standing.delivered_to),
        (str(standing.waiting), "yellow" if standing.waiting else ""),
        (str(standing.passed_over), "red" if standing.passed_over else ""),
        links.get(standing.tracker, ""),
        (f"{standing.trouble}{since}", "red"),
    ]


def passed_over_lines(books: Sequence[Book], standings: Sequence[Standing]) -> list[str]:
    """Where it is written what could not be delivered."""
    return [
        f"{standing.tracker}: what was passed over, and why: {book.faults}"
        for book, standing in zip(books, standings, strict=True)
        if standing.passed_over
    ]


def tally_lines(tallies: Sequence[TrackerTally]) -> list[str]:
    """What came of a delivery."""
    from cmcore.cli.view.wording import plural

    if not tallies:
        return ["this project has no trackers; name one in cm.yaml under stack.trackers, such as mlflow"]
    return [
        f"{tally.name}: delivered {plural(tally.delivered, 'event')}"
        + (f", {tally.waiting} waiting: {tally.reason or 'the time was over'}" if tally.waiting else "")
        for tally in tallies
    ]
