"""`cm describe`: properties and links of models and versions. What may be said is the registry's to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from pydantic import JsonValue


@click.command()
@click.argument("reference", metavar="MODEL[@VERSION]")
@click.argument("properties", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--link", "links", multiple=True, metavar="REL=URL", help="Link to somewhere else; an empty URL unlinks.")
@click.option("--remove", "removed", multiple=True, metavar="NAME", help="Take a property away.")
@click.pass_context
def describe(
    context: click.Context,
    reference: str,
    properties: tuple[str, ...],
    links: tuple[str, ...],
    removed: tuple[str, ...],
) -> None:
    """Give a model or a version properties and links.

    MODEL alone means the model itself, MODEL@latest its newest version. Values are JSON where they can be read so, and
    else texts. Model cards and filters read them (properties.NAME), and primary_metric of a model names the metric that
    decides about its next version's number. There is one URL for each REL.

    \b
    Examples:
      cm describe flights owner=delays intended_use='Warn passengers the evening before'
      cm describe flights@1.2.0 reviewed=true slices='["winter", "hubs"]' --link ticket=https://t.example/42
      cm describe flights@1.2.0 --remove reviewed --link ticket=

    \b
    Exit codes: 0 described, 64 a name, value or URL is not allowed, 66 not found.
    """
    from cmcore.registry.names import Reference

    asked = Reference.parse(reference)
    given: dict[str, JsonValue | None] = {name: value_of(text) for name, text in map(halves, properties)}
    linked = [halves(link) for link in links]
    if not (given or linked or removed):
        raise click.UsageError("nothing to say; give NAME=VALUE, --link REL=URL or --remove NAME")
    with (context.find_object(Invocation) or Invocation()).changing() as project:
        if given or removed:
            project.registry.describe(asked, {**given, **dict.fromkeys(removed)})
        for rel, url in linked:
            project.registry.link(asked, rel, url)


def halves(text: str) -> tuple[str, str]:
    """What stands before and behind the first `=`."""
    name, sign, value = text.partition("=")
    if not sign:
        raise click.UsageError(f"{text!r} has no '='; write NAME=VALUE")
    return name, value


def value_of(text: str) -> JsonValue:
    """A value as JSON, or the text itself."""
    import json

    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        return text
    if value is None:
        raise click.UsageError("null is no value; take a property away by --remove NAME")
    return value
