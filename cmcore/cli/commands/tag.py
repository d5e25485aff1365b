"""`cm tag`: labels of a run."""

from __future__ import annotations

import click

from cmcore.cli.invocation import Invocation


@click.command()
@click.argument("run")
@click.argument("pairs", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--remove", multiple=True, metavar="NAME", help="Take this label away. Repeatable.")
@click.pass_context
def tag(context: click.Context, run: str, pairs: tuple[str, ...], remove: tuple[str, ...]) -> None:
    """Label a run, or take labels away.

    RUN is a run's name, the beginning of it, or latest. A new value replaces the one before. Search for labels with
    cm search 'tags.team = "x"'.

    \b
    Examples:
      cm tag latest team=x stage=candidate
      cm tag flights-20260729-101500-ab12 --remove stage

    \b
    Exit codes: 0 labelled, 64 no label, 66 no such run.
    """
    from cmcore.cli.chosen_runs import chosen_run

    tags = {**pairs_of(pairs), **dict.fromkeys(remove)}
    with (context.find_object(Invocation) or Invocation()).changing() as project:
        name = chosen_run(run, project.ledger.runs).run
        project.tracking.tag(name, tags, actor=project.actor)
    given = ", ".join(f"{key}={value}" if value is not None else f"without {key}" for key, value in tags.items())
    click.echo(f"{name}: {given}")


def pairs_of(texts: tuple[str, ...]) -> dict[str, str | None]:
    """Names and values; raises UsageError for a text without `=`."""
    from cmcore.errors import UsageError

    pairs = [text.partition("=") for text in texts]
    for name, equals, value in pairs:
        if not equals:
            raise UsageError(f"a label is NAME=VALUE, found {name + value!r}; for example team=x")
    return {name.strip(): value for name, _, value in pairs}
