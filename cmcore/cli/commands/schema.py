"""`cm schema`: JSON Schemas of documents. They are composed in `editor_schema`."""

from __future__ import annotations

import click

from cmcore.cli.invocation import Invocation


@click.command()
@click.argument(
    "kind",
    default="pipeline",
    type=click.Choice(["pipeline", "component", "project", "policy", "plan", "endpoint"], case_sensitive=False),
)
@click.pass_context
def schema(context: click.Context, kind: str) -> None:
    """Print the JSON Schema of documents, for editors.

    The schema of pipelines covers what is installed: the names of components and resolvers, and for each what stands
    under its `with`; that of endpoints knows the serving backends. Write them again after installing a plugin.

    \b
    Examples:
      cm schema > pipeline.schema.json
      cm schema project > project.schema.json
      cm schema endpoint > endpoint.schema.json
    and as the first line of a pipeline, for editors with a YAML language server:
      # yaml-language-server: $schema=pipeline.schema.json

    \b
    Exit codes: 0 printed.
    """
    from cmcore.cli.editor_schema import document_schema, endpoint_schema, pipeline_schema
    from cmcore.cli.output import echo_json

    with (context.find_object(Invocation) or Invocation()).project() as project:
        match kind:
            case "pipeline":
                echo_json(pipeline_schema(project.catalog))
            case "endpoint":
                echo_json(endpoint_schema({it.name: it.summary for it in project.plugins.providers("serving")}))
            case _:
                echo_json(document_schema(kind))
