"""`cm lineage`: a walk from one artifact, as tree, JSON or diagram. Walking and drawing are the lineage's."""

from __future__ import annotations

import click

from cmcore.cli.invocation import Invocation


@click.command()
@click.argument("artifact", metavar="ARTIFACT")
@click.option("--up", "direction", flag_value="up", default=True, help="What it was made from (default).")
@click.option("--down", "direction", flag_value="down", help="What was made of it.")
@click.option("--depth", default=100, show_default=True, type=click.IntRange(1, 10_000), metavar="N", help="Steps.")
@click.option("--json", "as_json", is_flag=True, help="Nodes and edges as JSON.")
@click.option("--mermaid", is_flag=True, help="A Mermaid flowchart, for Markdown.")
@click.pass_context
def lineage(context: click.Context, *, artifact: str, direction: str, depth: int, as_json: bool, mermaid: bool) -> None:
    """Walk from an artifact to what it was made from, or what was made of it.

    ARTIFACT is RUN/NODE/OUTPUT, an artifact's name or URI, or the beginning of its digest; cm show RUN lists them. A
    version of data is data:NAME@3, a deployed model the model_name of its answers.

    \b
    Examples:
      cm lineage flights-20260729-101500-ab12/train/model --up
      cm lineage sha256:5ad6187 --down --depth 2
      cm lineage data:flights@3 --down
      cm lineage flights-1.2.0-3 --up
      cm lineage flights-20260729-101500-ab12/train/model --mermaid

    \b
    Exit codes: 0 shown, 66 no such artifact.
    """
    from cmcore.cli.naming import artifact_named
    from cmcore.cli.output import echo_json
    from cmcore.lineage import walk

    if as_json and mermaid:
        raise click.UsageError("--json and --mermaid exclude each other", context)
    with (context.find_object(Invocation) or Invocation()).project() as project:
        start = artifact_named(artifact, project.lineage)
        step = walk.upstream if direction == "up" else walk.downstream
        found = step(project.lineage, start, depth=depth)
    if as_json:
        echo_json(walk.as_json(found))
    elif mermaid:
        click.echo(walk.mermaid(found), nl=False)
    else:
        click.echo("\n".join(walk.tree_lines(found)))
    if not found.complete:
        click.echo("there is more: the walk was cut; raise --depth", err=True)
