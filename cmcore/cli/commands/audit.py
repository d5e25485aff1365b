"""`cm audit`: the registry's log and its chain. What a sound chain is, is the registry's to decide."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from pydantic import JsonValue

TOLD = (
    "environment", "verdict", "alias", "from_version", "level", "findings", "properties", "note", "link", "evidence",
    "weakens", "reason",
)  # fmt: skip
TOLD_MAX = 120


@click.group()
def audit() -> None:
    """Read the registry's log, or verify its chain.

    Every change of the registry is an entry, and every entry's hash covers the one before; nothing is ever changed or
    taken away. The event log has each hash too.

    \b
    Examples:
      cm audit verify
      cm audit show --model flights
      cm audit head > /somewhere/else/audit-head.txt

    \b
    Exit codes: 0 done, 1 the chain is broken.
    """


@audit.command()
@click.option(
    "--head", "noted", default="", metavar="SEQ:HASH", help="A head that was noted before must be in the log."
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.pass_context
def verify(context: click.Context, noted: str, as_json: bool) -> None:
    """Check that no entry was changed, taken away, put in or moved.

    The chain is checked against itself and against the event log. Whoever can write both could write both anew: note
    the head (cm audit head) from time to time where they cannot write, and give it here.

    \b
    Examples:
      cm audit verify
      cm audit verify --head "$(cat /somewhere/else/audit-head.txt)"

    \b
    Exit codes: 0 the chain holds, 1 it is broken, 64 that is no head.
    """
    from dataclasses import asdict

    from cmcore.cli.output import echo_json
    from cmcore.cli.view.wording import plural
    from cmcore.registry.chain import Head

    head = Head.parse(noted) if noted else None
    with (context.find_object(Invocation) or Invocation()).project() as project:
        report = project.registry.audit.verify(head)
    if as_json:
        echo_json(asdict(report))
    elif report.ok:
        click.echo(f"the chain holds: {report.entries} {'entry' if report.entries == 1 else 'entries'}")
    else:
        click.echo(f"the chain is broken at entry {report.first_bad}: {report.reason}")
        click.echo(f"{plural(report.entries, 'sound row')} before it")
    context.exit(0 if report.ok else 1)


@audit.command()
@click.option("--model", default=None, metavar="MODEL", help="Only entries about this model.")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 1_000_000), metavar="N", help="At most N."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as it was hashed.")
@click.pass_context
def show(context: click.Context, model: str | None, limit: int, as_json: bool) -> None:
    """Print the newest entries, the oldest of them first.

    \b
    Examples:
      cm audit show
      cm audit show --model flights --limit 1000 --json

    \b
    Exit codes: 0 printed.
    """
    from collections import deque

    from cmcore.cli.output import echo_json, echo_table
    from cmcore.filters.moment import exactly
    from cmcore.registry.documents import entry_document
    from cmcore.registry.names import checked_model

    asked = "" if model is None else checked_model(model)
    with (context.find_object(Invocation) or Invocation()).project() as project:
        entries = deque(project.registry.audit.entries(model=asked), maxlen=limit)
    if as_json:
        for entry in entries:
            echo_json(entry_document(entry), indent=None)
    elif entries:
        rows = [
            [str(it.seq), exactly(it.at), it.actor, it.action, it.model, it.version, told(it.data)] for it in entries
        ]
        echo_table(["entry", "time", "by", "action", "model", "version", "what"], rows)
    else:
        click.echo("no entries yet")


def told(data: Mapping[str, JsonValue]) -> str:
    """What an entry says, on one line; all of it is in the JSON."""
    return ", ".join(f"{name} {text}" for name in TOLD if (text := written(data.get(name))))[:TOLD_MAX]


def written(value: JsonValue) -> str:
    """A value as people read it; of findings, those that do not hold."""
    match value:
        case None | []:
            return ""
        case dict() if not value:
            return ""
        case str():
            return value
        case [dict(), *_]:
            return ", ".join(str(found["rule"]) for found in value if isinstance(found, dict) and not found["holds"])
    return json.dumps(value, ensure_ascii=False)


@audit.command()
@click.pass_context
def head(context: click.Context) -> None:
    """Print the end of the chain, to be noted elsewhere.

    \b
    Example:
      cm audit head

    \b
    Exit codes: 0 printed.
    """
    with (context.find_object(Invocation) or Invocation()).project() as project:
        click.echo(str(project.registry.audit.head()))
