"""`cm show`: one run in full. What is told of it is put together in the runtime's accounts."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from pydantic import JsonValue

    from cmcore.cli.output import Cell
    from cmcore.lineage.record import ExecutionRecord
    from cmcore.runtime.account import RunAccount
    from cmcore.stack import Project


@click.command()
@click.argument("run", metavar="[RUN]", default="")
@click.option("--json", "as_json", is_flag=True, help="Everything that is recorded, as JSON.")
@click.pass_context
def show(context: click.Context, run: str, as_json: bool) -> None:
    """Show one run: code, parameters, nodes, outputs.

    Also the environment, the data that was imported with its digests, and why nodes failed or were skipped.

    RUN is a run's name, or the beginning of it; cm runs lists them. Without it, the newest run is shown.

    \b
    Examples:
      cm show flights-20260729-101500-ab12
      cm show flights-20260729-101500-ab12 --json

    \b
    Exit codes: 0 shown, 66 no such run.
    """
    from cmcore.cli.output import echo_json
    from cmcore.cli.view.tracked import show_tracked, tracked_document
    from cmcore.runtime.account import run_document
    from cmcore.stack.trackers import links

    with (context.find_object(Invocation) or Invocation()).project() as project:
        found, facts, executions = recorded(project, run)
        tracked, pages = project.tracking.of(found.row.run), links(project, found.row.run)
    if as_json:
        told: dict[str, JsonValue] = {"tracked": tracked_document(tracked, pages)} if tracked else {}
        echo_json(run_document(found, facts, executions) | told)
    else:
        show_run(found, facts, executions)
        if tracked:
            show_tracked(tracked, pages)


def recorded(project: Project, name: str) -> tuple[RunAccount, Mapping[str, JsonValue], Sequence[ExecutionRecord]]:
    """The account of a run, its facts and its executions."""
    from cmcore.cli.naming import run_meant
    from cmcore.runtime.account import account
    from cmcore.state.journal import Journal

    ledger = project.ledger
    row = run_meant(name, ledger.runs)
    found = account(row, Journal(project.database).of_run(row.run), ledger.leases.holder(f"run/{row.run}"))
    record = project.lineage.run(row.run)
    return found, record.facts if record else {}, project.lineage.executions(row.run)


def show_run(found: RunAccount, facts: Mapping[str, JsonValue], executions: Sequence[ExecutionRecord]) -> None:
    """Everything for people."""
    from cmcore.cli.output import echo_pairs, heading
    from cmcore.cli.view.summary import respoken
    from cmcore.cli.view.wording import run_color
    from cmcore.runtime.account import LOST, imported

    last = {execution.node: execution for execution in executions}
    state = click.style(found.state, fg=run_color(found.state), bold=True)
    click.echo(f"{click.style(found.row.run, bold=True)}  {state}")
    echo_pairs(facts_of(found, facts), indent="  ")
    show_parameters(facts.get("parameters"))
    heading("Nodes")
    show_nodes(found, last)
    show_failures(last)
    show_imported(imported(found, last))
    show_outputs(found, last)
    if found.state == LOST:
        click.echo(respoken(f"\nits driver is gone; go on with: cm resume {found.row.run}"))


def facts_of(found: RunAccount, facts: Mapping[str, JsonValue]) -> dict[str, str]:
    """The run as a whole, in pairs."""
    from cmcore.cli.view.wording import ago, duration

    row, counts = found.row, found.counts
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.created_at))
    return {
        "pipeline": row.pipeline,
        "source": str(facts.get("source") or ""),
        "project": row.project,
        "by": row.actor,
        "running in": found.holder,
        "started": f"{started} ({ago(time.time() - row.created_at)})",
        "took": duration(row.finished_at - row.created_at) if row.finished_at else "",
        "nodes": ", ".join(f"{count} {word}" for word, count in counts.items() if count),
        "code": code_text(facts.get("code_version")),
        "environment": environment_text(facts.get("environment")),
    }


def code_text(version: JsonValue) -> str:
    """Commit and branch, and whether files were changed since."""
    if not isinstance(version, dict):
        return ""
    if not version.get("commit"):
        return "not in git"
    dirty = f", with changes {str(version['dirty_digest'])[:19]}" if version.get("dirty") else ""
    branch = f" on {version['branch']}" if version.get("branch") else ""
    return f"{str(version['commit'])[:12]}{branch}{dirty}"


def environment_text(found: JsonValue) -> str:
    """Python, platform and how many packages."""
    if not isinstance(found, dict):
        return ""
    packages = found.get("packages")
    count = len(packages) if isinstance(packages, list) else 0
    return f"Python {found.get('python')}, {found.get('platform')}, {count} packages (--json lists them)"


def show_parameters(parameters: JsonValue) -> None:
    """Every parameter with its value and the layer that set it."""
    from cmcore.cli.output import echo_table, heading

    if not isinstance(parameters, dict) or not parameters:
        return
    heading("Parameters")
    rows: list[list[Cell]] = []
    for name, layered in parameters.items():
        assert isinstance(layered, dict)
        value = json.dumps(layered.get("value"), ensure_ascii=False)
        rows.append([name, value, (f"from {layered.get('layer')}", "bright_black")])
    echo_table(["parameter", "value", ""], rows, indent=2)


def show_nodes(found: RunAccount, last: Mapping[str, ExecutionRecord]) -> None:
    """A line for each node."""
    from cmcore.cli.output import echo_table
    from cmcore.cli.view.wording import COLORS, duration, number
    from cmcore.runtime.account import node_document, prefixed
    from cmcore.runtime.publish import METRIC

    rows: list[list[Cell]] = []
    for name, past in found.nodes.items():
        execution = last.get(name)
        document = node_document(name, found, execution)
        took = document["duration_s"]
        metrics = prefixed(execution.facts, METRIC) if execution else {}
        told = ", ".join(f"{key}={number(value)}" for key, value in metrics.items() if isinstance(value, float | int))
        rows.append([
            name, (past.state.value, COLORS[past.state]), str(past.attempts or ""),
            duration(took) if isinstance(took, float | int) else "", told or str(document["reason"]),
        ])  # fmt: skip
    echo_table(["node", "state", "attempts", "took", ""], rows, indent=2)


def show_failures(last: Mapping[str, ExecutionRecord]) -> None:
    """What went wrong, for each node that failed."""
    from cmcore.cli.output import echo_pairs, heading
    from cmcore.cli.view.summary import respoken
    from cmcore.cli.view.wording import one_line
    from cmcore.runtime.account import prefixed

    failed = {name: failure for name, each in last.items() if (failure := prefixed(each.facts, "failure."))}
    if failed:
        heading("Failures")
    for name, failure in failed.items():
        message = one_line(str(failure.get("message", "")), 1000)
        exception = f"{failure['exception']}: " if failure.get("exception") else ""
        click.echo(f"  {click.style(name, bold=True)}  {failure.get('code')}  {exception}{message}")
        echo_pairs(
            {"at": str(failure.get("frame") or ""), "log": respoken(f"cm logs {last[name].name}")}, indent="    "
        )


def show_imported(imported: JsonValue) -> None:
    """Data from outside, with its digest."""
    from cmcore.cli.output import echo_table, heading

    rows = [[str(it["node"]), str(it["uri"]), str(it["digest"])] for it in as_dicts(imported)]
    if rows:
        heading("Imported data")
        echo_table(["node", "uri", "digest"], rows, indent=2)


def as_dicts(found: JsonValue) -> list[dict[str, JsonValue]]:
    """The mappings in a JSON list."""
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def show_outputs(found: RunAccount, last: Mapping[str, ExecutionRecord]) -> None:
    """Every published output, with its digest and place or value."""
    from cmcore.cli.output import echo_table, heading
    from cmcore.cli.view.result import place_of
    from cmcore.cli.view.summary import brief, type_of
    from cmcore.lineage.walk import deletion

    rows: list[list[Cell]] = []
    for name in found.nodes:
        execution = last.get(name)
        for edge in execution.outputs if execution and execution.state.published else ():
            artifact = edge.artifact
            known = brief(artifact.facts["value"]) if "value" in artifact.facts else ""
            what = known or deletion(artifact) or place_of(artifact)
            rows.append([f"{name}.{edge.key}", type_of(artifact), artifact.digest[:19], what])
    if rows:
        heading("Outputs")
        echo_table(["output", "type", "digest", ""], rows, indent=2)
