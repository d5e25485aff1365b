"""`cm plugins`: what is installed and what is wrong with it. Rows and findings are made by `cmcore.hooks.report`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.cli.output import Cell

STATES = {"ok": "green", "broken": "red", "disabled": "bright_black"}


@click.group()
def plugins() -> None:
    """List installed plugins and find out what is wrong.

    \b
    Examples:
      cm plugins list
      cm plugins doctor
    """


@plugins.command("list")
@click.option("--json", "as_json", is_flag=True, help="A JSON list.")
@click.pass_context
def list_(context: click.Context, as_json: bool) -> None:
    """List plugins in the order in which they are asked, with what they provide.

    \b
    Exit codes: 0 listed, also where a plugin is broken (cm plugins doctor).
    """
    from cmcore.cli.output import echo_json, echo_table
    from cmcore.hooks import report

    with (context.find_object(Invocation) or Invocation()).project() as project:
        found = report.list_rows(project.plugins)
    if as_json:
        echo_json(found)
        return
    rows: list[list[Cell]] = [
        [
            str(row["name"]),
            f"{row['distribution']} {row['version']}".strip(),
            (str(row["state"]), STATES[str(row["state"])]),
            str(row["reason"]) or ", ".join(map(str, row["providers"] if isinstance(row["providers"], list) else [])),
        ]
        for row in found
    ]
    echo_table(["plugin", "distribution", "state", "provides, or what is wrong"], rows)


@plugins.command()
@click.option("--json", "as_json", is_flag=True, help="A JSON list of findings, with tracebacks.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Import everything that plugins provide and say what is wrong, plugin by plugin.

    Observers are not tried: what they got wrong is what they got wrong in the project's last run.

    \b
    Exit codes: 0 nothing is broken, 1 something is.
    """
    from cmcore.cli.output import echo_json
    from cmcore.cli.view.wording import plural
    from cmcore.hooks import report
    from cmcore.hooks.faults import recalled

    with (context.find_object(Invocation) or Invocation()).project() as project:
        findings = report.doctor(project.plugins, recalled(project.observer_faults))
        count = len(project.plugins.statuses)
    broken = any(finding.severity is report.Severity.ERROR for finding in findings)
    if as_json:
        echo_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            color = "red" if finding.severity is report.Severity.ERROR else "yellow"
            owner = f"{finding.plugin} ({finding.distribution})" if finding.distribution else finding.plugin
            click.echo(f"{click.style(finding.severity, fg=color, bold=True)}  {owner}: {finding.message}")
        if not findings:
            click.echo(f"{plural(count, 'plugin')}, nothing is wrong")
    context.exit(1 if broken else 0)


@plugins.command()
@click.argument("name", metavar="NAME")
@click.pass_context
def show(context: click.Context, name: str) -> None:
    """Print one plugin in full, as JSON: its hooks, its providers, the JSON Schema of their options.

    \b
    Exit codes: 0 shown, 78 no such plugin.
    """
    from cmcore.cli.output import echo_json
    from cmcore.hooks import report

    with (context.find_object(Invocation) or Invocation()).project() as project:
        echo_json(report.show(project.plugins, name))
