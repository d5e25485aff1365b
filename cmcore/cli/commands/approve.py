"""`cm approve`: one person's word on a version. Whose word counts is the policy's to say."""

from __future__ import annotations

import click

from cmcore.cli.invocation import Invocation


@click.command()
@click.argument("reference", metavar="MODEL@VERSION")
@click.option("--for", "environment", required=True, metavar="ENV", help="The environment, such as production.")
@click.option("--reject", is_flag=True, help="Say no; nothing is promoted until you take that back.")
@click.option("--withdraw", is_flag=True, help="Take back what you said.")
@click.option("--reason", default="", metavar="TEXT", help="Why; a rejection needs one.")
@click.pass_context
def approve(
    context: click.Context, reference: str, environment: str, *, reject: bool, withdraw: bool, reason: str
) -> None:
    """Approve a version for an environment, or reject it.

    You speak as the project's actor (`actor` in cm.yaml, or CM_ACTOR), and your newest word replaces your older one.
    How many must approve, who may, and for how long it counts stands in the policy: cm policy show MODEL.

    \b
    Examples:
      cm approve flights@1.2.0 --for production --reason 'looked at the slices'
      cm approve flights@1.2.0 --for production --reject --reason 'worse at night'
      cm approve flights@1.2.0 --for production --withdraw

    \b
    Exit codes: 0 said, 64 no reason for a rejection, 66 not found, 77 you cannot approve this version.
    """
    from cmcore.filters.moment import written
    from cmcore.registry.names import Reference
    from cmcore.registry.values import Verdict

    if reject and withdraw:
        raise click.UsageError("--reject and --withdraw exclude each other")
    asked = Reference.parse(reference)
    with (context.find_object(Invocation) or Invocation()).changing() as project:
        registry = project.registry
        version = registry.version(asked)
        if withdraw:
            registry.withdraw(asked, environment, reason)
            click.echo(f"{registry.actor} has nothing more to say on {version} for {environment}")
            return
        said = registry.approve(asked, environment, Verdict.REJECTED if reject else Verdict.APPROVED, reason)
    until = f", until {written(said.expires_at)}" if said.expires_at else ""
    click.echo(f"{said.actor} {said.verdict.value} {version} for {environment}{until}")
