"""`cm plan`: the plan of a pipeline and what a run of it would do. The prediction is the runtime's."""

from __future__ import annotations

import click

from cmcore.cli.invocation import Invocation

STYLES = {"hit": "blue", "found": "blue", "miss": "yellow", "unknown": "bright_black", "skip": "red", "fail": "red"}


@click.command()
@click.argument("target", metavar="PIPELINE")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Set a parameter, or a setting (run.*).")
@click.option("--refresh", is_flag=True, help="As for a run with --refresh.")
@click.option("--json", "as_json", is_flag=True, help="The predictions, with the whole plan under 'plan'.")
@click.pass_context
def plan(context: click.Context, target: str, sets: tuple[str, ...], refresh: bool, as_json: bool) -> None:
    """Say what a run would do: hit, miss and why, or unknown.

    Nothing is run and nothing recorded. Data that is imported is fingerprinted, resolvers are asked, and every node
    whose inputs are known is looked up in the cache:

    \b
      hit      an earlier result would be used
      miss     the node would run; the reason says what changed
      found    a resolver has found this
      unknown  that depends on what a node before it writes
      skip     it would not run; fail: it could not even start

    \b
    Examples:
      cm plan flights.py
      cm plan flights.yaml --set epochs=3 --json

    \b
    Exit codes: 0 planned, 64 usage, 65 the pipeline is wrong, 66 not found.
    """
    from cmcore.cli import sets as words
    from cmcore.cli.output import echo_json, echo_table
    from cmcore.cli.planning import planned, with_cache
    from cmcore.pipelines.document import CachePolicy
    from cmcore.runtime.predict import as_document

    with planned(context.find_object(Invocation) or Invocation(), target, words.split(sets)) as found:
        asked = with_cache(found.plan, CachePolicy.REFRESH) if refresh else found.plan
        predictions = found.project.predict(asked)
    if as_json:
        whole = asked.model_dump(mode="json", exclude_defaults=True) | {"version": asked.version}
        echo_json({"nodes": [as_document(each) for each in predictions], "plan": whole})
        return
    rows = [(each.node, (each.expectation.value, STYLES[each.expectation]), each.reason) for each in predictions]
    echo_table(["node", "expected", "reason"], rows)
