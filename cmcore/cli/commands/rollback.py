"""`cm rollback`: an earlier revision of an endpoint again. Which one, the stack finds; here it is shown and asked."""

from __future__ import annotations

from functools import partial

import click

from cmcore.cli.change_options import ChangeOptions, change_options
from cmcore.cli.invocation import Invocation


@click.command()
@click.argument("endpoint", metavar="ENDPOINT")
@click.option(
    "--to", default=None, type=click.IntRange(1), metavar="REVISION", help="Which one.  [default: the last other one]"
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@change_options()
@click.pass_context
def rollback(
    context: click.Context,
    endpoint: str,
    *,
    to: int | None,
    yes: bool,
    dry_run: bool,
    options: ChangeOptions,
) -> None:
    """Serve what an earlier revision of an endpoint said.

    First what differs between the newest revision and the earlier one is shown, configs and versions; then you are
    asked. The earlier one comes back as a new revision, with exactly the versions that it meant then: an alias is not
    followed any more until the document is deployed again. Going back is a deployment like any other: clients notice
    nothing, and where the earlier version is still loaded only the traffic moves.

    \b
    Examples:
      cm rollback delays
      cm rollback delays --to 3 --dry-run
      cm rollback delays --yes --reason 'latency doubled'

    \b
    Exit codes: 0 ready, 64 nobody can be asked, 66 no such endpoint or revision, 130 the answer was no, others as
    cm deploy has them.
    """
    from cmcore.cli.endpoint_preview import preview, preview_lines
    from cmcore.cli.endpoints import agreed, carry_out
    from cmcore.cli.output import echo_json
    from cmcore.stack.endpoints import earlier_revision, pinned

    with (context.find_object(Invocation) or Invocation()).changing() as project:
        earlier = earlier_revision(project, endpoint, to)
        document = pinned(earlier)
        found = preview(project, document)
        if dry_run and options.as_json:
            echo_json({"to": earlier.number, **found.as_json()})
        elif not options.as_json:
            click.echo("\n".join([f"back to revision {earlier.number} by {earlier.actor}", *preview_lines(found)]))
        if dry_run:
            return
        agreed(f"Take {endpoint} back to revision {earlier.number}?", yes=yes)
        why = f"rolled back to revision {earlier.number}{f': {options.reason}' if options.reason else ''}"
        want = partial(found.wanted, project, why)
        code = carry_out(project, endpoint, want, options)
    context.exit(code)
