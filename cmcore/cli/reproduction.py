"""How a reproduction is shown: what goes on, then node by node what is equal. What is compared is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import click

from cmcore.cli.output import Cell, echo_json, echo_table, heading
from cmcore.cli.view.choice import view_for
from cmcore.cli.view.wording import number, one_line, plural
from cmcore.cli.watch import Watch
from cmcore.pipelines.plan import Plan
from cmcore.provenance.reproduction.packages import Change
from cmcore.provenance.reproduction.report import UNRECORDED, Report, report_document
from cmcore.provenance.reproduction.verdict import MetricComparison, NodeComparison, OutputComparison, Verdict
from cmcore.runtime.run import RunResult
from cmcore.stack import RunOptions

COLORS = {Verdict.EQUAL: "green", Verdict.DIFFERS: "yellow", Verdict.FAILED: "red"}
FILES_SHOWN = 4
CHANGES_SHOWN = 12
DIGEST_SHOWN = 19


class Screen:
    """Shows the stages of a reproduction, and its runs as `cm run` does."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def say(self, text: str) -> None:
        """One line, out of the way of JSON."""
        click.echo(text, err=self._as_json)

    def run(self, plan: Plan, start: Callable[[RunOptions], RunResult]) -> RunResult:
        """Start a run and show it until it is over."""
        view = view_for(plan.pipeline, as_json=self._as_json, in_process=False)
        try:
            return start(Watch(target="", as_json=self._as_json).options(view))
        finally:
            view.close()


def show_report(report: Report, *, as_json: bool) -> None:
    """The whole report."""
    if as_json:
        echo_json(report_document(report), indent=None)
        return
    show_verdict(report)
    rows: list[list[Cell]] = []
    for each in report.nodes:
        color = COLORS.get(each.verdict, "bright_black")
        rows.append([each.node, (each.verdict.value, color), "; ".join(told(each, report.accepted))])
    click.echo()
    echo_table(["node", "verdict", ""], rows, indent=2)
    show_not_held(report.not_held)
    if report.folder:
        click.echo(f"\nkept: {report.folder}")


def show_verdict(report: Report) -> None:
    """One line: whether the run was reproduced, and how many nodes say so."""
    equal, ran = len(report.named(Verdict.EQUAL)), len(report.named(*COLORS))
    word, color = ("REPRODUCED", "green") if report.verified else ("NOT REPRODUCED", "yellow")
    click.echo(f"\n{click.style(word, fg=color, bold=True)}  {report.run}: {equal} of {plural(ran, 'node')} equal")


def told(node: NodeComparison, accepted: frozenset[str]) -> Iterator[str]:
    """What is worth knowing of one node."""
    if node.verdict is Verdict.EQUAL:
        yield plural(len(node.outputs), "output")
    yield from (in_output(each) for each in node.outputs if not each.equal)
    yield from (in_metric(each) for each in node.metrics)
    if node.reason:
        yield one_line(node.reason)
    if node.on_recorded_inputs:
        yield "on what it read then"
    if node.node in accepted:
        yield "accepted"


def in_output(output: OutputComparison) -> str:
    """How an output differs: its files, else its digests; its properties."""
    files = ", ".join(output.files[:FILES_SHOWN])
    more = f" and {len(output.files) - FILES_SHOWN} more" if len(output.files) > FILES_SHOWN else ""
    properties = f" (properties {', '.join(output.properties)})" if output.properties else ""
    if output.then == output.now:
        return f"{output.key}{properties}"
    return f"{output.key}{properties}: {files}{more}" if files else f"{output.key}{properties} {digests(output)}"


def digests(output: OutputComparison) -> str:
    """Both digests, as far as one reads them."""
    then, now = (", ".join(it[:DIGEST_SHOWN] for it in side) or "nothing" for side in (output.then, output.now))
    return f"{then} then, {now} now"


def in_metric(metric: MetricComparison) -> str:
    """How a metric differs."""
    then, now = ("nothing" if value is None else number(value) for value in (metric.then, metric.now))
    by = f" ({metric.difference:+.3g})" if metric.difference is not None else ""
    return f"{metric.name} {then} then, {now} now{by}"


def show_not_held(changes: tuple[Change, ...]) -> None:
    """What could not be as it was."""
    if not changes:
        click.echo("\nEverything that was recorded could be held fixed.")
        return
    heading("Could not be held fixed")
    shown = sorted(changes, key=lambda change: change.then == UNRECORDED)
    echo_table(["what", "then", "now"], [[each.what, each.then, each.now] for each in shown[:CHANGES_SHOWN]], indent=2)
    if len(shown) > CHANGES_SHOWN:
        click.echo(f"  and {len(shown) - CHANGES_SHOWN} more: --json lists all")
