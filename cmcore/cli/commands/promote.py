"""`cm promote`: a version to an environment. Evidence is gathered by the project, the verdict is the registry's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.registry.names import Reference
    from cmcore.stack.project import Project


@click.command()
@click.argument("reference", metavar="MODEL@VERSION")
@click.option("--to", "environment", required=True, metavar="ENV", help="The environment, such as production.")
@click.option("--reason", default="", metavar="TEXT", help="Why; it stays in the log.")
@click.option("--over", type=click.IntRange(0), default=None, metavar="N", help="Only if its generation is still N.")
@click.option("--dry-run", is_flag=True, help="Only say what the policy finds.")
@click.option("--json", "as_json", is_flag=True, help="The new alias, or with --dry-run the findings, as JSON.")
@click.pass_context
def promote(
    context: click.Context,
    reference: str,
    environment: str,
    *,
    reason: str,
    over: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a version an environment's, if its policy allows.

    Everything that the policy asks for is looked at: gates on evaluation, blessing, scan, signature and model card, and
    the approvals of people. Whoever moves the environment between your look and your move wins, and you are told who it
    was. A refusal names every reason, and is in the audit log too.

    \b
    Examples:
      cm promote flights@1.2.0 --to production --reason 'two weeks in staging'
      cm promote flights@latest --to production --dry-run
      cm promote flights@staging --to production

    \b
    Exit codes: 0 promoted, or would be, 66 not found, 75 somebody else moved it meanwhile, 77 refused.
    """
    from cmcore.cli.output import echo_json
    from cmcore.registry.documents import alias_document
    from cmcore.registry.names import Reference

    asked = Reference.parse(reference)
    with (context.find_object(Invocation) or Invocation()).changing() as project:
        if dry_run:
            context.exit(0 if foreseen(project, asked, environment, as_json=as_json) else 77)
        before = project.registry.alias(asked.model, environment)
        seen = over if over is not None else before.generation if before else 0
        alias = project.promote(asked, environment, over=seen, reason=reason)
    if as_json:
        echo_json({"model": alias.model, "alias": alias.name, **alias_document(alias)})
    elif before and before.generation == alias.generation:
        click.echo(f"{alias.model}@{alias.version} is {environment}'s already, by {alias.actor}")
    else:
        instead = f", which had {before.version}" if before else ""
        click.echo(f"{alias.model}@{alias.version} is now {environment}'s{instead}")


def foreseen(project: Project, asked: Reference, environment: str, *, as_json: bool) -> bool:
    """Say what the policy finds; whether all of it holds."""
    from cmcore.cli.commands.models import show_finding
    from cmcore.cli.output import echo_json
    from cmcore.registry.documents import finding_document
    from cmcore.stack.governance import judged

    found = judged(project, asked, environment)
    allowed = all(finding.holds for finding in found)
    if as_json:
        echo_json({"allowed": allowed, "findings": [finding_document(finding) for finding in found]})
        return allowed
    click.echo(f"{asked} {'may' if allowed else 'may not'} become {environment}'s")
    for finding in found:
        show_finding(finding)
    return allowed
