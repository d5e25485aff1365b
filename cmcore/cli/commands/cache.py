"""`cm cache`: why a node was, or was not, found in the cache. The comparison is the runtime's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from pydantic import JsonValue

    from cmcore.cli.planning import Planned
    from cmcore.runtime.key import Difference
    from cmcore.runtime.predict import Prediction

VALUE_SHOWN_MAX = 300


@click.group()
def cache() -> None:
    """Ask why a node was, or was not, found in the cache.

    \b
    Example:
      cm cache why flights.py train
    """


@cache.command()
@click.argument("target", metavar="PIPELINE")
@click.argument("node", metavar="NODE")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Set a parameter, or a setting (run.*).")
@click.option("--json", "as_json", is_flag=True, help="The prediction and every difference as JSON.")
@click.pass_context
def why(context: click.Context, target: str, node: str, sets: tuple[str, ...], as_json: bool) -> None:
    """Name what differs between a node now and its last execution, with both values.

    What a result depends on is compared part by part: the code (with the files that changed), every parameter, the
    digests of every input, the component's spec and the Python version.

    \b
    Examples:
      cm cache why flights.py train
      cm cache why flights.yaml train --set epochs=3 --json

    \b
    Exit codes: 0 answered, 64 no such node, 65 the pipeline is wrong, 66 not found.
    """
    from cmcore.cli import sets as words
    from cmcore.cli.output import echo_json
    from cmcore.cli.planning import Selection, planned
    from cmcore.runtime.predict import as_document

    with planned(context.find_object(Invocation) or Invocation(), target, words.split(sets)) as found:
        Selection(only=[node]).chosen(found.plan)
        prediction = next(each for each in found.project.predict(found.plan) if each.node == node)
        files = changed_files(found, prediction)
    if as_json:
        echo_json({**as_document(prediction), "code_changes": files})
    else:
        show(prediction, files)


def changed_files(found: Planned, prediction: Prediction) -> dict[str, str]:
    """The files and distributions whose change made the code differ, as far as the old code was kept."""
    from cmcore.cli.code_changes import code_changes

    before = next((it.before for it in prediction.differences if it.part == "code"), None)
    code = found.plan.node(prediction.node).code
    if not isinstance(before, str) or code is None:
        return {}
    return code_changes(before, code, found.project.home / "code")


def show(prediction: Prediction, files: dict[str, str]) -> None:
    """The answer for people."""
    state = click.style(prediction.expectation, bold=True)
    click.echo(f"{prediction.node}: {state}, {prediction.reason}")
    for difference in prediction.differences:
        show_difference(difference)
        if difference.part == "code":
            for name, change in files.items():
                click.echo(f"    {change:<9} {name}")


def show_difference(difference: Difference) -> None:
    """One part with both values."""
    click.echo(f"\n  {click.style(difference.part, bold=True)}")
    click.echo(f"    {click.style('before', fg='red')}  {written(difference.before)}")
    click.echo(f"    {click.style('now', fg='green')}     {written(difference.now)}")


def written(value: JsonValue) -> str:
    """A value on one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_SHOWN_MAX else f"{text[:VALUE_SHOWN_MAX]}…"
