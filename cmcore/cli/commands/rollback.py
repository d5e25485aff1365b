"""`cm rollback`: an earlier revision of an endpoint again. Which one, the stack finds; here it is shown and asked."""

from __future__ import annotations

import click

from cmcore.cli.invocation import Invocation


@click.command()
@click.argument("endpoint", metavar="ENDPOINT")
@click.option(
    "--to", default=None, type=click.IntRange(1), metavar="REVISION", help="Which one.  [default: the last other one]"
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--reason", default="", metavar="TEXT", help="Why; it stays with the revision.")
@click.option("--no-wait", is_flag=True, help="Only write down what is wanted; cm serve does the rest.")
@click.option("--no-drain", is_flag=True, help="Do not wait until what was replaced is gone.")
@click.option("--timeout", "timeout_s", default=300.0, show_default=True, type=click.FloatRange(0), metavar="SECONDS")
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line; the last line is the outcome.")
@click.pass_context
def rollback(
    context: click.Context,
    endpoint: str,
    *,
    to: int | None,
    yes: bool,
    dry_run: bool,
    reason: str,
    no_wait: bool,
    no_drain: bool,
    timeout_s: float,
    as_json: bool,
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
    from cmcore.cli.endpoints import Change, Patience, agreed
    from cmcore.cli.output import echo_json
    from cmcore.stack.endpoints import apply, earlier_revision, pinned

    with (context.find_object(Invocation) or Invocation()).changing() as project:
        newest, earlier = project.endpoints.state(endpoint).revision, earlier_revision(project, endpoint, to)
        document = pinned(earlier)
        found = preview(project, document)
        if dry_run and as_json:
            echo_json({"to": earlier.number, **found.as_json()})
        elif not as_json:
            click.echo("\n".join([f"back to revision {earlier.number} by {earlier.actor}", *preview_lines(found)]))
        if dry_run:
            return
        agreed(f"Take {endpoint} back to revision {earlier.number}?", yes=yes)
        why = f"rolled back to revision {earlier.number}{f': {reason}' if reason else ''}"
        change = Change(
            project=project,
            endpoint=endpoint,
            want=lambda: apply(project, document, reason=why, over=newest.number),
            patience=Patience(timeout_s=timeout_s, drained=not no_drain, wait=not no_wait),
            as_json=as_json,
        )
        code = change.carried_out()
    context.exit(code)
