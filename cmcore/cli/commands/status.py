"""`cm status`: endpoints and what is behind them. What it is, is found by the stack; how it looks, by the view."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from cmcore.stack import Project

LOOK_S = 1.0


@click.command()
@click.argument("endpoint", metavar="[ENDPOINT]", default=None)
@click.option("--watch", is_flag=True, help="Show it again and again until Ctrl-C.")
@click.option("--check", is_flag=True, help="Let the exit code say how it is.")
@click.option("--revisions", is_flag=True, help="Everything that was ever wanted of one endpoint, the newest first.")
@click.option("--json", "as_json", is_flag=True, help="JSON, with everything that is known.")
@click.pass_context
def status(
    context: click.Context, endpoint: str | None, *, watch: bool, check: bool, revisions: bool, as_json: bool
) -> None:
    """Say what is served, where, and whether it is as it should be.

    Without an argument all endpoints, with one all about it: who wanted it, the addresses that clients ask, each
    deployment with its state and its requests, and why a version was refused. The servers are asked now: an endpoint
    whose server is away is FAILED, whatever it was before.

    READY serves what is wanted; UPDATING is on its way there; DEGRADED serves an earlier version, because a wanted one
    was refused or its server is away; FAILED serves nothing; RECYCLED serves nothing, as is wanted.

    \b
    Examples:
      cm status
      cm status delays --watch
      cm status delays --check --json
      cm status delays --revisions

    \b
    Exit codes: 0 shown, 66 no such endpoint; with --check 0 READY, 75 UPDATING or RECYCLING, 70 DEGRADED, 69 FAILED,
    66 RECYCLED, of several endpoints the worst.
    """
    if watch and as_json:
        raise click.UsageError("--watch and --json exclude each other", context)
    if revisions and (endpoint is None or watch or check):
        raise click.UsageError("--revisions is about one ENDPOINT, and goes with --json only", context)
    with (context.find_object(Invocation) or Invocation()).project() as project:
        if revisions:
            show_revisions(project, str(endpoint), as_json=as_json)
            return
        if watch:
            watched(project, endpoint)
        found = documents(project, endpoint)
        show(endpoint, found, as_json=as_json)
    context.exit(worst(found) if check else 0)


def documents(project: Project, endpoint: str | None) -> list[Mapping[str, JsonValue]]:
    """The status of the endpoints that are asked for, and who keeps them; raises NotFoundError."""
    from cmcore.cli.endpoints import keeper
    from cmcore.stack import serving

    kept_by, names = keeper(project), [endpoint] if endpoint else project.endpoints.names()
    return [{**serving.status(project, name), "kept_by": kept_by} for name in names]


def show(endpoint: str | None, found: Sequence[Mapping[str, JsonValue]], *, as_json: bool) -> None:
    """As JSON or for people."""
    from cmcore.cli.output import echo_json

    if as_json:
        echo_json(found[0] if endpoint else list(found))
    else:
        for line in shown_lines(endpoint, found):
            click.echo(line)


def show_revisions(project: Project, endpoint: str, *, as_json: bool) -> None:
    """What was wanted of an endpoint, and by whom; what differs, cm rollback --to N --dry-run shows."""
    from cmcore.cli.output import echo_json, echo_table
    from cmcore.cli.view.wording import ago, one_line

    found = project.endpoints.revisions(endpoint)
    if as_json:
        echo_json([{
            "revision": it.number, "at": it.at, "by": it.actor, "reason": it.reason, "backend": it.document.backend,
            "wanted": {name: it.resolved.get(name, "") for name in it.wanted},
        } for it in found])  # fmt: skip
        return
    rows = [
        [
            str(it.number),
            ago(time.time() - it.at),
            it.actor,
            it.document.backend,
            ", ".join(f"{name} {it.resolved.get(name, '')}" for name in it.wanted) or "nothing",
            one_line(it.reason, 500),
        ]
        for it in found
    ]
    echo_table(["revision", "since", "by", "backend", "wanted", "reason"], rows)


def shown_lines(endpoint: str | None, found: Sequence[Mapping[str, JsonValue]]) -> list[str]:
    """What people see."""
    from cmcore.cli.view.endpoint_status import detail_lines, overview_lines
    from cmcore.cli.view.summary import respoken

    if endpoint:
        lines = detail_lines(found[0], time.time())
    elif found:
        lines = overview_lines(found)
    else:
        lines = ["no endpoints yet; serve a model: cm deploy ENDPOINT.yaml"]
    return [respoken(line) for line in lines]


def watched(project: Project, endpoint: str | None) -> None:
    """Draw it again and again; ends by KeyboardInterrupt."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        while True:
            lines = shown_lines(endpoint, documents(project, endpoint))
            live.update(Text.from_ansi("\n".join(lines)), refresh=True)
            time.sleep(LOOK_S)


def worst(found: Sequence[Mapping[str, JsonValue]]) -> int:
    """The exit code that says how the endpoints are."""
    from cmcore.serving.status import Condition

    codes = {
        Condition.FAILED: 69, Condition.DEGRADED: 70, Condition.UPDATING: 75, Condition.RECYCLING: 75,
        Condition.RECYCLED: 66, Condition.READY: 0,
    }  # fmt: skip
    conditions = {Condition(str(document["condition"])) for document in found}
    return next((code for condition, code in codes.items() if condition in conditions), 0)
