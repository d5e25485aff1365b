"""The summary of a run that is over, for people: how it ended, what it made, what went wrong, what to do next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

import click
from pydantic import JsonValue

from cmcore.cli.invocation import Invocation
from cmcore.cli.output import echo_pairs, heading
from cmcore.cli.view.board import Board
from cmcore.cli.view.result import FailureReport, failure_reports, leaves, place_of, result_counts
from cmcore.cli.view.wording import COLORS, duration, number, one_line
from cmcore.lineage.record import ArtifactRecord
from cmcore.pipelines.plan import Plan
from cmcore.runtime.job import FailureCode
from cmcore.runtime.run import RunResult
from cmcore.runtime.states import NodeState, RunState

OUTPUTS_SHOWN_MAX = 15
FAILURES_SHOWN_MAX = 10
MESSAGE_LINES_MAX = 12
RESUMABLE = frozenset({
    FailureCode.CANCELED, FailureCode.LOST, FailureCode.STORAGE, FailureCode.STORAGE_FULL, FailureCode.TIMED_OUT,
    FailureCode.OUT_OF_MEMORY, FailureCode.CRASHED,
})  # fmt: skip


def show_summary(plan: Plan, result: RunResult, board: Board, target: str) -> None:
    """Everything that a person wants to know when a run is over."""
    show_verdict(plan, result)
    reports = failure_reports(plan, result, target)
    for report in reports[:FAILURES_SHOWN_MAX]:
        show_failure(report)
    if more := reports[FAILURES_SHOWN_MAX:]:
        click.echo(f"\n{len(more)} more failed: {', '.join(report.node for report in more)}")
    show_outputs(plan, result)
    show_metrics(board)
    show_next(next_steps(plan, result, reports, target))


def show_verdict(plan: Plan, result: RunResult) -> None:
    """One line: the state, the counts, the time."""
    counts = result_counts(plan, result)
    told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    state = click.style(result.state, fg=COLORS[result.state], bold=True)
    click.echo(f"\n{state}  {result.run}  in {duration(result.duration_s)}: {told}")


def show_failure(report: FailureReport) -> None:
    """One failed node: the exception, where in the user's code, on what, and the next step."""
    failure = report.failure
    lines = failure.message.splitlines()[:MESSAGE_LINES_MAX] or [""]
    exception = f"{failure.exception}: " if failure.exception else ""
    node, code = click.style(report.node, bold=True), click.style(failure.code, fg="red")
    click.echo(f"\n{click.style('✘', fg='red')} {node}  {code}  {exception}{one_line(lines[0], 1000)}")
    for line in lines[1:]:
        click.echo(f"    {one_line(line, 1000)}")
    given = {f"input {key}": uri for key, uri in report.inputs}
    log = "" if "cm logs" in report.advice else respoken(f"cm logs {report.address}")
    echo_pairs({"at": failure.frame, **given, "log": log, "next": respoken(report.advice)}, indent="    ")


def show_outputs(plan: Plan, result: RunResult) -> None:
    """What the last nodes made, with local paths."""
    lines = [line for node in leaves(plan) for line in output_lines(node, result.outputs.get(node, {}))]
    if lines:
        heading("Outputs")
    echo_columns(lines[:OUTPUTS_SHOWN_MAX])
    if len(lines) > OUTPUTS_SHOWN_MAX:
        click.echo(f"  and {len(lines) - OUTPUTS_SHOWN_MAX} more: cm show {result.run}")


def output_lines(node: str, outputs: Mapping[str, Sequence[ArtifactRecord]]) -> Iterator[tuple[str, str, str]]:
    """Node and output, type, and the value or the place with what is known of it."""
    for key, found in outputs.items():
        for artifact in found:
            value = artifact.facts.get("value") if "value" in artifact.facts else None
            known = ", ".join(property_texts(artifact.properties))
            what = brief(value) if "value" in artifact.facts else place_of(artifact)
            told = f"  {click.style(known, fg='bright_black')}" if known else ""
            yield f"{node}.{key}", type_of(artifact), f"{what}{told}"


def type_of(artifact: ArtifactRecord) -> str:
    """The artifact's type as documents write it."""
    return str(artifact.facts.get("type") or artifact.type_name)


def property_texts(properties: Mapping[str, JsonValue]) -> Iterator[str]:
    """Properties that say something, in few words, by name."""
    for key, value in sorted(properties.items()):
        if value not in (None, "", [], {}):
            yield f"{key}={brief(value)}"


def brief(value: JsonValue) -> str:
    """A value on one short line."""
    if isinstance(value, float):
        return number(value)
    return one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 60)


def show_metrics(board: Board) -> None:
    """The numbers that components reported."""
    lines = [(row.name, name, number(value)) for row in board.rows.values() for name, value in row.metrics.items()]
    if lines:
        heading("Metrics")
        echo_columns(lines)


def echo_columns(lines: Sequence[Sequence[str]]) -> None:
    """Aligned columns, indented."""
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]) - 1)] if lines else []
    for *columns, last in lines:
        padded = [column.ljust(width) for column, width in zip(columns, widths, strict=True)]
        click.echo(f"  {'  '.join([*padded, last])}")


def next_steps(
    plan: Plan, result: RunResult, reports: Sequence[FailureReport], target: str
) -> Iterator[tuple[str, str]]:
    """Commands worth trying, each with what it does; code that was mended needs a new run, not the recorded plan."""
    if any(report.failure.code not in RESUMABLE for report in reports):
        yield f"cm run {target or shlex.quote(plan.source)}", "once it is mended; what is done is found in the cache"
    if result.state is RunState.CANCELED or any(report.failure.code in RESUMABLE for report in reports):
        yield f"cm resume {result.run}", "go on with what was not published"
    yield f"cm show {result.run}", "code, parameters, nodes and outputs of this run"
    if reports:
        yield f"cm logs {reports[0].address}", "what the failed node printed"
    made = [name for name in leaves(plan) if result.outputs.get(name)]
    if made:
        yield f"cm lineage {result.run}/{made[-1]}/{next(iter(result.outputs[made[-1]]))} --up", "what it was made from"
    ran = [name for name, node in result.nodes.items() if node.state is NodeState.COMPLETE]
    if ran and not reports:
        yield f"cm logs {result.run}", "what the nodes printed"


def show_next(steps: Iterable[tuple[str, str]]) -> None:
    """The commands to try next."""
    found = [(respoken(command), purpose) for command, purpose in steps]
    width = max(len(command) for command, _ in found)
    heading("Next")
    for command, purpose in found:
        click.echo(f"  {command.ljust(width)}  {click.style(purpose, fg='bright_black')}")


def respoken(text: str) -> str:
    """The text with its commands meant for the project that this command was called for."""
    context = click.get_current_context(silent=True)
    invocation = context.find_object(Invocation) if context else None
    return invocation.respoken(text) if invocation else text
