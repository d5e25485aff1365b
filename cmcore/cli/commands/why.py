"""`cm why`: the account of a version or an artifact, as tree, JSON or diagram. What it tells is provenance's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.provenance.why.explanation import Explanation
    from cmcore.stack import Project


@click.command()
@click.argument("what", metavar="REF")
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON, nothing cut.")
@click.option("--mermaid", is_flag=True, help="A Mermaid flowchart, for Markdown.")
@click.pass_context
def why(context: click.Context, *, what: str, as_json: bool, mermaid: bool) -> None:
    """Say why a model is what it is: who let it in on what evidence, which run made it, of what.

    REF is the model_name of a prediction (with or without its model_version), or an endpoint: who deployed it, with
    what configs, and when it had the traffic. Or it is MODEL@VERSION, MODEL@ALIAS or MODEL (its newest version); or an
    artifact as in cm lineage: RUN/NODE/OUTPUT, a name, a URI, the beginning of a digest. Data is looked at by size and
    time, not read; cm reproduce digests it again.

    \b
    Examples:
      cm why flights-1.2.0-3
      cm why flights@production
      cm why flights@1.2.0 --json
      cm why flights-20260729-101500-ab12/trainer/model

    \b
    Exit codes: 0 shown, 66 no such deployment, endpoint, version or artifact.
    """
    from cmcore.cli.output import echo_json
    from cmcore.cli.view.wording import one_line
    from cmcore.provenance.why.document import explanation_document
    from cmcore.provenance.why.picture import picture
    from cmcore.provenance.why.tree import lines, tree

    if as_json and mermaid:
        raise click.UsageError("--json and --mermaid exclude each other", context)
    with (context.find_object(Invocation) or Invocation()).project() as project:
        found = explained(what, project)
    if as_json:
        echo_json(explanation_document(found))
    elif mermaid:
        click.echo(picture(found), nl=False)
    else:
        for line in lines(tree(found)):
            indent = " " * (len(line) - len(line.lstrip(" ")))
            click.echo(indent + one_line(line, 2000))


def explained(what: str, project: Project) -> Explanation:
    """The explanation of what a text names; raises NotFoundError. A model goes before an endpoint of the same name."""
    from cmcore.cli.naming import artifact_named
    from cmcore.errors import NotFoundError
    from cmcore.provenance.why.deployed import deployment_meant, siblings
    from cmcore.provenance.why.gathering import of_artifact, of_deployment, of_version, version_meant
    from cmcore.stack.accounts import sources
    from cmcore.stack.serving import publish

    reference = version_meant(what, project.registry)
    if reference is not None:
        if what in project.endpoints.names():
            served = ", ".join(map(str, project.endpoints.state(what).deployments)) or "nothing"
            click.echo(f"{what} is a model, told here, and an endpoint, which serves {served}", err=True)
        return of_version(reference, sources(project))
    deployment = deployment_meant(what, project.endpoints)
    if deployment is not None:
        publish(project)
        return of_deployment(what, deployment, project.endpoints, sources(project))
    try:
        artifact = artifact_named(what, project.lineage)
    except NotFoundError as error:
        if told := siblings(what, project.endpoints):
            raise NotFoundError(told) from error
        raise
    return of_artifact(what, artifact, sources(project))
