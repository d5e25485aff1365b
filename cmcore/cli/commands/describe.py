"""`cm describe`: properties and links of models and versions. What may be said is the registry's to decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from pydantic import JsonValue

    from cmcore.registry.names import Reference


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
    Exit codes: 0 described, 64 a name, value or URL is not allowed, 66 not found, a property that is to be
    removed too.
    """
    from cmcore.cli.view.wording import one_line
    from cmcore.registry.names import Reference
    from cmcore.registry.values import ModelVersion

    asked = Reference.parse(reference)
    given: dict[str, JsonValue | None] = {name: value_of(text) for name, text in map(halves, properties)}
    linked = [halves(link) for link in links]
    if not (given or linked or removed):
        raise click.UsageError("nothing to say; give NAME=VALUE, --link REL=URL or --remove NAME")
    with (context.find_object(Invocation) or Invocation()).changing() as project:
        registry = project.registry
        described = registry.version(asked) if asked.version or asked.alias else registry.model(asked.model)
        check_there(asked, removed, described.properties)
        if given or removed:
            registry.describe(asked, {**given, **dict.fromkeys(removed)})
        for rel, url in linked:
            registry.link(asked, rel, url)
    name = str(described) if isinstance(described, ModelVersion) else described.name
    for said in told(given, removed, linked):
        click.echo(one_line(f"{name}: {said}", 2000))


def check_there(asked: Reference, removed: Sequence[str], properties: Mapping[str, JsonValue]) -> None:
    """Raise NotFoundError for a property to be taken away that is not there."""
    from cmcore.errors import NotFoundError
    from cmcore.registry.wording import meant

    for name in removed:
        if name not in properties:
            there = ", ".join(properties) or "none"
            raise NotFoundError(f"{asked} has no property {name!r}{meant(name, [*properties])}; it has {there}")


def told(
    given: Mapping[str, JsonValue | None], removed: Sequence[str], linked: Sequence[tuple[str, str]]
) -> Iterator[str]:
    """What was done, a line each."""
    from cmcore.cli.commands.models import written

    yield from (f"{name} is {written(value)}" for name, value in given.items())
    yield from (f"{name} taken away" for name in removed)
    yield from (f"{rel} links to {url}" if url else f"{rel} links nowhere" for rel, url in linked)


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
