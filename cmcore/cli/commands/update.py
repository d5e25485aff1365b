"""`cm update`: an endpoint's document again, its versions looked up anew, or changed. Shown first, then deployed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from cmcore.cli.change_options import ChangeOptions, change_options
from cmcore.cli.invocation import Invocation

PINNED = "  its document names exact versions, as after a rollback: it follows no alias before it is given another FILE"


@click.command()
@click.argument("endpoint", metavar="ENDPOINT")
@click.argument("file", metavar="[FILE]", default=None, type=click.Path(path_type=Path))
@click.option("--model", default="", metavar="MODEL@VERSION", help="Another version for the variant with traffic.")
@click.option("--backend", default="", metavar="NAME", help="Another backend.")
@click.option("--dry-run", is_flag=True, help="Only show what would change, and what speaks against it.")
@change_options()
@click.pass_context
def update(
    context: click.Context,
    endpoint: str,
    file: Path | None,
    *,
    model: str,
    backend: str,
    dry_run: bool,
    options: ChangeOptions,
) -> None:
    """Bring an endpoint to the versions that its document means now, or to another one.

    Without more, the endpoint's newest document (of a recycled one, the last that was served) is read again: where a
    variant names an alias that means another version by now, that version is deployed. --model names another version,
    FILE another document for the same endpoint. What differs is shown first; then it goes on as cm deploy does, without
    an interruption for clients.

    \b
    Examples:
      cm update delays
      cm update delays --dry-run
      cm update delays --model delays@1.2.0
      cm update delays delays.yaml --reason 'more memory'

    \b
    Exit codes: 0 ready, 64 the file is another endpoint's, 66 no such endpoint or model, others as cm deploy has them.
    """
    from cmcore.cli.endpoint_preview import altered, document_in, preview, preview_lines
    from cmcore.cli.endpoints import carry_out
    from cmcore.cli.output import echo_json
    from cmcore.errors import UsageError
    from cmcore.stack.endpoints import follows_alias, last_served

    with (context.find_object(Invocation) or Invocation()).changing() as project:
        newest = last_served(project, endpoint)
        document = altered(document_in(file) if file else newest, model=model, backend=backend)
        if document.name != endpoint:
            raise UsageError(f"{file} is the document of {document.name!r}, not of {endpoint!r}; cm deploy {file}")
        found = preview(project, document)
        if dry_run and options.as_json:
            echo_json(found.as_json())
        elif not options.as_json:
            click.echo("\n".join(preview_lines(found)))
            if not (file or model or backend) and not follows_alias(newest):
                click.echo(PINNED)
        if dry_run:
            return
        want = partial(found.wanted, project, options.reason)
        code = carry_out(project, endpoint, want, options)
    context.exit(code)
