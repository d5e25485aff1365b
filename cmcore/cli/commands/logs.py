"""`cm logs`: what nodes printed. The files are the runtime's."""

from __future__ import annotations

from pathlib import Path

import click

from cmcore.cli.invocation import Invocation


@click.command()
@click.argument("name", metavar="[RUN[/NODE[/ATTEMPT]]]", default="")
@click.option("-n", "lines", default=0, type=click.IntRange(0), metavar="LINES", help="Only the last LINES of each.")
@click.pass_context
def logs(context: click.Context, name: str, lines: int) -> None:
    """Print what the nodes of a run printed.

    Without RUN, those of the newest run. A log keeps the first 16 MiB of what an attempt wrote to its output and error
    streams.

    \b
    Examples:
      cm logs flights-20260729-101500-ab12
      cm logs flights-20260729-101500-ab12/train -n 50
      cm logs flights-20260729-101500-ab12/train/2

    \b
    Exit codes: 0 printed, 66 no such run or node.
    """
    from cmcore.cli.naming import run_meant
    from cmcore.runtime.logs import log_paths, tail

    wanted, _, rest = name.partition("/")
    node, _, attempt = rest.partition("/")
    with (context.find_object(Invocation) or Invocation()).project() as project:
        row = run_meant(wanted or name, project.ledger.runs)
        check_node(row.plan, node)
        found = [path for path in log_paths(project.logs, row.run, node) if not attempt or attempt_of(path) == attempt]
    if not found:
        click.echo(f"nothing was printed by {name or row.run}", err=True)
    for path in found:
        if len(found) > 1:
            click.echo(click.style(f"==> {path.name.removesuffix('.log')} <==", bold=True))
        for line in tail(path, lines):
            click.echo(line)


def check_node(plan: str, node: str) -> None:
    """Raise NotFoundError for a node that the run does not have."""
    import json

    from cmcore.document.wording import did_you_mean
    from cmcore.errors import NotFoundError

    names = [each["name"] for each in json.loads(plan)["nodes"]]
    if node and node.partition("@")[0] not in names:
        raise NotFoundError(f"the run has no node {node!r}{did_you_mean(node, names)}; nodes: {', '.join(names)}")


def attempt_of(path: Path) -> str:
    """The attempt that a log's name ends with."""
    return path.stem.rpartition(".")[2]
