"""`cm config`: settings and the layers that set them. The order of the layers is `cmcore.settings`'s."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cmcore.cli.discretion import discreet
from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.cli.output import Cell
    from cmcore.settings import Layer


@click.group()
def config() -> None:
    """Say which layer set a setting.

    \b
    Example:
      cm config explain run.workers
    """


@config.command()
@click.argument("key", metavar="[KEY]", required=False)
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="As for cm run.")
@click.option("--json", "as_json", is_flag=True, help="All layers of all keys asked for, as JSON.")
@click.pass_context
def explain(context: click.Context, key: str | None, sets: tuple[str, ...], as_json: bool) -> None:
    """Show what each layer says of KEY, the winner last; without KEY all settings and where each comes from.

    Layers, weakest first: default, file (cm.yaml), environment ($CM_RUN__WORKERS for run.workers), --set.

    \b
    Examples:
      cm config explain
      cm config explain run.workers
      CM_RUN__WORKERS=3 cm config explain run.workers --set run.workers=4

    \b
    Exit codes: 0 explained, 65 cm.yaml is wrong, 78 no such setting.
    """
    from cmcore.cli.output import echo_json, echo_table
    from cmcore.cli.sets import split

    with (context.find_object(Invocation) or Invocation()).project(split(sets).settings) as project:
        settings = project.settings
        layers = {key: settings.explained(key)} if key else dict(settings.layers)
    if as_json:
        shown = {
            name: [{"layer": it.name, "value": discreet(it.value)} for it in found] for name, found in layers.items()
        }
        echo_json(shown)
    elif key:
        echo_table(["layer", "value", ""], winner_last(layers[key]))
    else:
        rows: list[list[Cell]] = [[name, text(found[-1]), origin(found[-1])] for name, found in sorted(layers.items())]
        echo_table(["setting", "value", "from"], rows)


def winner_last(layers: tuple[Layer, ...]) -> list[list[Cell]]:
    """A row for each layer."""
    weaker: list[list[Cell]] = [[layer.name, (text(layer), "bright_black"), ""] for layer in layers[:-1]]
    return [*weaker, [layers[-1].name, (text(layers[-1]), "bold"), ("<- this one counts", "green")]]


def text(layer: Layer) -> str:
    """The value as JSON, without passwords."""
    return json.dumps(discreet(layer.value), ensure_ascii=False)


def origin(layer: Layer) -> Cell:
    """The layer, grey where nobody has set anything."""
    return (layer.name, "bright_black" if layer.name == "default" else "")
