"""`cm policy`: what environments demand. What a policy may say is the registry's to decide."""

from __future__ import annotations

from pathlib import Path

import click

from cmcore.cli.invocation import Invocation


@click.group()
def policy() -> None:
    """Show or apply what environments demand.

    A policy (kind: RegistryPolicy) names the environments of one model, or of all without one of their own
    (model: "*"), and for each the gates and approvals that a version must pass. It is kept in the state database.

    \b
    Examples:
      cm policy show flights
      cm policy apply policy.yaml

    \b
    Exit codes: 0 done, 64 it weakens an environment and gives no reason, 65 the document is wrong.
    """


@policy.command()
@click.argument("model", metavar="[MODEL]", default=None)
@click.option("--json", "as_json", is_flag=True, help="The whole policy as JSON, defaults too.")
@click.pass_context
def show(context: click.Context, model: str | None, as_json: bool) -> None:
    """Print the policy in force for a model, or the one for all.

    What it prints is a document that `cm policy apply` reads.

    \b
    Examples:
      cm policy show
      cm policy show flights > policy.yaml

    \b
    Exit codes: 0 printed, 64 no model can have this name.
    """
    from cmcore.cli.output import echo_json
    from cmcore.document.write import dump
    from cmcore.registry.names import checked_model
    from cmcore.registry.policy import ANY_MODEL

    asked = ANY_MODEL if model is None else checked_model(model)
    with (context.find_object(Invocation) or Invocation()).project() as project:
        found = project.registry.policy(asked)
    if as_json:
        echo_json(found.model_dump(mode="json"))
    else:
        click.echo(dump(found.as_document()), nl=False)


@policy.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--reason", default="", metavar="TEXT", help="Why; needed where a protected environment asks for less.")
@click.pass_context
def apply(context: click.Context, file: Path, reason: str) -> None:
    """Put a policy in force.

    Public keys that it names by path are read from beside the file and kept with it. Every application is in the audit
    log, with what it makes easier.

    \b
    Examples:
      cm policy apply policy.yaml
      cm policy apply policy.yaml --reason 'a second approver is on leave until May'

    \b
    Exit codes: 0 in force, 64 it weakens an environment and gives no reason, 65 the document is wrong.
    """
    from cmcore.registry.policy import ANY_MODEL
    from cmcore.registry.policy_file import load_policy
    from cmcore.registry.wording import meant

    found = load_policy(file)
    with (context.find_object(Invocation) or Invocation()).changing() as project:
        easier = project.registry.apply_policy(found, reason)
        models = [model.name for model in project.registry.models()]
    whom = "every model without one of its own" if found.model == ANY_MODEL else found.model
    click.echo(f"in force for {whom}: {', '.join(found.environments)}")
    if found.model not in {ANY_MODEL, *models}:
        click.echo(f"there is no model {found.model!r} yet{meant(found.model, models)}")
    for loss in easier:
        click.echo(f"  easier now: {loss}")
