"""`cm card`: a version's model card. What it says and how it looks is provenance's."""

from __future__ import annotations

from pathlib import Path

import click

from cmcore.cli.invocation import Invocation

FORMATS = ("md", "html", "json", "schema")


@click.command()
@click.argument("what", metavar="MODEL[@REF]")
@click.option("--format", "form", type=click.Choice(FORMATS), help="How it is written.  [default: by -o, else md]")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it there.")
@click.option("--check", is_flag=True, help="Only say whether it is complete, and what fills it if not.")
@click.pass_context
def card(context: click.Context, *, what: str, form: str | None, output: Path | None, check: bool) -> None:
    """Write a version's model card.

    Data, evaluation, interface, procedure, environment and approvals come from lineage and registry; purpose, limits
    and owner from people, by cm describe, of the model or (stronger) of the version. A card is complete when it says
    owner, description, intended_use and limitations, and when data, evaluation and interface are known.

    \b
    Examples:
      cm card flights@production -o card.html
      cm card flights@1.2.0 --format json
      cm card flights@1.2.0 --check

    \b
    Exit codes: 0 written or complete, 1 incomplete (with --check), 64 FILE cannot be written, 66 no such version.
    """
    from cmcore.provenance.card.card import missing
    from cmcore.provenance.card.rendering import Format, rendered
    from cmcore.registry.names import Reference
    from cmcore.stack.accounts import card as card_of

    with (context.find_object(Invocation) or Invocation()).project() as project:
        made = card_of(project, Reference.parse(what))
    if output is not None or not check:
        chosen = form or (output.suffix.removeprefix(".") if output else "")
        text = rendered(made, Format(chosen) if chosen in FORMATS else Format.MARKDOWN)
        if output is not None:
            write(text, output)
        else:
            click.echo(text, nl=False)
    if check:
        context.exit(say_whether_complete(made.model_details.name, made.model_details.version, missing(made)))


def write(text: str, file: Path) -> None:
    """The card as a file; raises UsageError where it cannot be written."""
    from cmcore.errors import UsageError

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the card cannot be written to {file}: {error.strerror}; name another file") from error


def say_whether_complete(model: str, version: str, lacking: tuple[str, ...]) -> int:
    """Say it, with the commands that fill what is missing; the exit code."""
    from cmcore.provenance.card.filling import DESCRIBED

    if not lacking:
        click.echo(f"{model}@{version}: the card is complete")
        return 0
    click.echo(f"{model}@{version}: the card does not say {', '.join(lacking)}")
    if words := " ".join(f"{name}='...'" for name in lacking if name in DESCRIBED):
        click.echo(f"people can: cm describe {model} {words}")
    if "interface" in lacking:
        click.echo("the interface is read from the model's MLmodel file: write the model with a signature")
    return 1
