"""`cm alias`: names for versions, which nobody guards. Environments that demand something are promoted to."""

from __future__ import annotations

import click

from cmcore.cli.invocation import Invocation


@click.command()
@click.argument("reference", metavar="MODEL[@VERSION]")
@click.argument("name", metavar="NAME")
@click.option("--remove", is_flag=True, help="Take the name away.")
@click.option("--over", type=click.IntRange(0), default=None, metavar="N", help="Only if its generation is still N.")
@click.pass_context
def alias(context: click.Context, reference: str, name: str, *, remove: bool, over: int | None) -> None:
    """Name a version, or take a name away.

    The name can then stand for the version everywhere: MODEL@NAME. An environment for which the policy demands
    something is no such name: cm promote.

    \b
    Examples:
      cm alias flights@1.2.0 champion
      cm alias flights@latest candidate
      cm alias flights candidate --remove

    \b
    Exit codes: 0 done, 64 no such name is allowed, 66 not found, 75 somebody else moved it meanwhile, 77 it is guarded.
    """
    from cmcore.registry.names import Reference, checked_alias

    asked, name = Reference.parse(reference), checked_alias(name)
    with (context.find_object(Invocation) or Invocation()).changing() as project:
        registry = project.registry
        before = registry.alias(asked.model, name)
        seen = over if over is not None else before.generation if before else 0
        if remove:
            registry.remove_alias(asked.model, name, over=seen)
            click.echo(f"{asked.model}@{name} means nothing any more")
            return
        after = registry.set_alias(asked, name, over=seen)
    was = f" (was {before.version})" if before and before.version != after.version else ""
    click.echo(f"{asked.model}@{name} means {after.version}{was}")
