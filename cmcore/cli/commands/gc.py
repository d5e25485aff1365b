"""`cm gc`: payloads that no record names. What may go is decided by the storage; what is recorded, by the lineage."""

from __future__ import annotations

import click

from cmcore.cli.invocation import Invocation


@click.command()
@click.option("--dry-run/--delete", "dry_run", default=True, help="Only say what would go (default), or delete it.")
@click.option(
    "--keep-runs",
    default=0,
    type=click.IntRange(0),
    metavar="N",
    help="Leave the newest N runs alone.",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON list of what may go.")
@click.pass_context
def gc(context: click.Context, *, dry_run: bool, keep_runs: int, as_json: bool) -> None:
    """Find, and delete if told so, payloads that no record names.

    Killed and failed attempts leave data behind that nobody can ever read: no record names it. Roots, which stay, are
    all recorded artifacts, and everything of runs that somebody carries out at this moment. Without --delete nothing
    is changed.

    \b
    Examples:
      cm gc
      cm gc --delete --keep-runs 5

    \b
    Exit codes: 0 done, 74 the store cannot be read.
    """
    from cmcore.cli.output import echo_json, echo_table
    from cmcore.cli.view.wording import plural, size
    from cmcore.cli.waste import collected

    with (context.find_object(Invocation) or Invocation()).project() as project:
        found, freed = collected(project, keep_runs=keep_runs, dry_run=dry_run)
    if as_json:
        echo_json([{"uri": it.uri, "run": it.run, "size_bytes": it.size_bytes, "reason": it.reason} for it in found])
        return
    if found:
        echo_table(["uri", "size", "reason"], [[it.uri, size(it.size_bytes), it.reason] for it in found])
    verb, how = ("would free", "; delete them by: cm gc --delete") if dry_run else ("freed", "")
    click.echo(f"{plural(len(found), 'payload')} without a record: {verb} {size(freed)}{how if found else ''}")
