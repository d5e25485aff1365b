"""`cm note`: a remark on a run, a model or a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.stack import Project


@click.command()
@click.argument("ref")
@click.argument("text")
@click.pass_context
def note(context: click.Context, ref: str, text: str) -> None:
    """Write a remark on a run, a model or a version.

    REF is a run's name (or the beginning of it, or latest), a model's name, MODEL@VERSION or MODEL@ALIAS. Remarks are
    only ever added; cm compare and cm models show them.

    \b
    Examples:
      cm note latest "the first with weather"
      cm note flights@1.2.0 "holds up on the holiday weeks"

    \b
    Exit codes: 0 written, 64 nothing to write, 66 no such run, model or version.
    """
    from cmcore.cli.chosen_runs import chosen_run
    from cmcore.registry.names import Reference

    with (context.find_object(Invocation) or Invocation()).changing() as project:
        if is_of_registry(ref, project):
            meant = Reference.parse(ref)
            project.registry.note(meant, text)
            name = str(meant) if "@" in ref else meant.model
        else:
            name = chosen_run(ref, project.ledger.runs).run
            project.tracking.note(name, text, actor=project.actor)
    click.echo(f"noted on {name}")


def is_of_registry(ref: str, project: Project) -> bool:
    """Whether a reference means a model or a version: runs come first, but for the beginnings of their names."""
    if "@" in ref:
        return True
    return project.ledger.runs.get(ref) is None and ref in {model.name for model in project.registry.models()}
