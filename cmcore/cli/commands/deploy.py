"""`cm deploy`: a document becomes what is served. What it means is the stack's, which step comes next serving's."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from cmcore.cli.change_options import ChangeOptions, change_options
from cmcore.cli.invocation import Invocation


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--model", default="", metavar="MODEL@VERSION", help="Instead of the model of the variant with traffic.")
@click.option("--backend", default="", metavar="NAME", help="Instead of the document's backend.")
@click.option("--dry-run", is_flag=True, help="Only say what would change, and what speaks against it.")
@change_options()
@click.pass_context
def deploy(
    context: click.Context,
    file: Path,
    *,
    model: str,
    backend: str,
    dry_run: bool,
    options: ChangeOptions,
) -> None:
    """Serve what a document says, and watch it until it is served.

    FILE is a document of kind Endpoint (cm schema endpoint): a name, a backend, and variants, each a version of a
    model. The version is placed beside what is served now, loaded under a name of its own and warmed up; then traffic
    moves to it, and what it replaces drains and is unloaded. A version that the server refuses gets no traffic: what
    was served goes on.

    Where cm serve runs, it takes the steps and they are watched here; else they are taken here. Ctrl-C leaves all that
    was done, and what is left to be gone on with.

    \b
    Examples:
      cm deploy delays.yaml
      cm deploy delays.yaml --dry-run
      cm deploy delays.yaml --model delays@1.2.0 --reason 'two weeks in staging'
      cm deploy delays.yaml --backend ray

    \b
    Exit codes: 0 ready, 65 the document is wrong, 66 no such model, 69 the server cannot be reached in time, 70 the
    server refused the version, 75 somebody changed the endpoint meanwhile, 77 refused before it was placed.
    """
    from cmcore.cli.endpoint_preview import altered, document_in, preview, preview_lines
    from cmcore.cli.endpoints import carry_out
    from cmcore.cli.output import echo_json

    document = altered(document_in(file), model=model, backend=backend)
    with (context.find_object(Invocation) or Invocation()).changing() as project:
        found = preview(project, document)
        if dry_run and options.as_json:
            echo_json(found.as_json())
        elif not options.as_json and (dry_run or found.differences or found.blessed_otherwise):
            click.echo("\n".join(preview_lines(found)))
        if dry_run:
            return
        want = partial(found.wanted, project, options.reason)
        code = carry_out(project, document.name, want, options)
    context.exit(code)
