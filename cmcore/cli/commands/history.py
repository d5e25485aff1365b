"""`cm history`: what the audit log tells of a model's aliases and environments. The past is the registry's."""

from __future__ import annotations

import time

import click

from cmcore.cli.invocation import Invocation


@click.command()
@click.argument("model", metavar="MODEL")
@click.option("--at", "moment", default="", metavar="TIME", help="ISO 8601, seconds since 1970, '2 days ago', now.")
@click.option("--env", "environment", default="", metavar="ENV", help="Only this environment or alias.")
@click.option("--json", "as_json", is_flag=True, help="JSON.")
@click.pass_context
def history(context: click.Context, model: str, moment: str, environment: str, as_json: bool) -> None:
    """Say which version was where, when, and by whom.

    The answer comes from the audit log alone, and only from entries that are as they were written; whether the log as a
    whole holds, says: cm audit verify. A time without an offset is UTC.

    \b
    Examples:
      cm history flights
      cm history flights --env production --at '2 days ago'
      cm history flights --at 2026-03-01T12:00:00+01:00 --json

    \b
    Exit codes: 0 answered, 64 that is no time or in the future, 66 no such model or environment, 74 the log was
    changed.
    """
    from cmcore.cli.output import echo_json, echo_table
    from cmcore.filters.moment import check_past, exactly, seconds_of
    from cmcore.registry.documents import held_document, move_document
    from cmcore.registry.names import checked_model

    checked_model(model)
    at = seconds_of(moment, time.time()) if moment else None
    if at is not None:
        check_past(at, time.time())
    with (context.find_object(Invocation) or Invocation()).project() as project:
        moves = project.registry.history(model, environment)
        names = sorted({environment} - {""} or {move.alias for move in moves})
        held = {name: project.registry.at(model, name, at) for name in names} if at is not None else {}
    if at is None and as_json:
        echo_json([move_document(move) for move in moves])
    elif at is None:
        rows = [
            [exactly(it.at), it.alias, str(it.version or "(none)"), str(it.from_version or ""), it.actor, it.reason]
            for it in moves
        ]
        echo_table(["time", "alias", "version", "before", "by", "reason"], rows) if rows else click.echo("no moves yet")
    elif as_json:
        echo_json({name: held_document(each) for name, each in held.items()})
    else:
        for name, each in held.items():
            told = f"{each.version} since {exactly(each.since)}, by {each.actor}" if each else "nothing"
            reason = f": {each.reason}" if each and each.reason else ""
            click.echo(f"{name} was {told}{reason}")
        if not held:
            click.echo(f"{model} has never had an alias")
