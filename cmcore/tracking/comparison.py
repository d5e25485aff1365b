"""Runs side by side: in what they differ, and which did best. Pure; how it looks is not decided here."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from cmcore.tracked import spelled
from cmcore.tracking.values import TrackedMetric, TrackedParam, TrackedRun


class Group(StrEnum):
    """What a row is about, in the order in which people look."""

    METRICS = "metrics"
    PARAMETERS = "parameters"
    DATA = "data"
    CODE = "code"
    TAGS = "tags"
    NOTES = "notes"
    OUTPUTS = "outputs"
    RUN = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing in every run. `values` are None where a run has none, `numbers` where it is no number.

    `layers` say who set a parameter; `best` are the places of the best runs, if it is known what is best.
    """

    group: Group
    name: str
    values: tuple[str | None, ...]
    numbers: tuple[float | None, ...] = ()
    layers: tuple[str, ...] = ()
    best: tuple[int, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether not all runs have the same value."""
        return len(set(self.values)) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Runs, and rows by group; within a group those that differ come first."""

    runs: tuple[TrackedRun, ...]
    rows: tuple[Row, ...]

    @property
    def differing(self) -> tuple[Row, ...]:
        """The rows in which runs differ."""
        return tuple(row for row in self.rows if row.differs)

    @property
    def equal(self) -> tuple[Row, ...]:
        """The rows in which they do not."""
        return tuple(row for row in self.rows if not row.differs)


Labelled = Mapping[str, str]
"""Texts by name."""


def compared(
    runs: Sequence[TrackedRun], *, maximise: Collection[str] = (), minimise: Collection[str] = ()
) -> Comparison:
    """The comparison; metrics (`auc`, or `evaluator.auc`) are best when great or small only where that is said."""
    rows = [
        *metric_rows(runs, maximise, minimise),
        *parameter_rows(runs),
        *rows_of(Group.DATA, runs, data_of),
        *rows_of(Group.CODE, runs, code_of),
        *rows_of(Group.TAGS, runs, lambda run: run.tags),
        *rows_of(Group.NOTES, runs, lambda run: said({"notes": "; ".join(note.text for note in run.notes)})),
        *rows_of(Group.OUTPUTS, runs, outputs_of),
        *rows_of(Group.RUN, runs, facts_of),
    ]
    order = list(Group)
    return Comparison(
        runs=tuple(runs), rows=tuple(sorted(rows, key=lambda row: (order.index(row.group), not row.differs)))
    )


def rows_of(group: Group, runs: Sequence[TrackedRun], labelled: Callable[[TrackedRun], Labelled]) -> list[Row]:
    """A row for every name that one of the runs has."""
    found = [labelled(run) for run in runs]
    names = dict.fromkeys(name for each in found for name in each)
    return [Row(group=group, name=name, values=tuple(each.get(name) for each in found)) for name in names]


def metric_rows(runs: Sequence[TrackedRun], maximise: Collection[str], minimise: Collection[str]) -> Iterator[Row]:
    """A row for every metric, which has its node's name in front where several nodes have one of that name."""
    nodes: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        for metric in run.metrics:
            nodes[metric.name].add(metric.node)
    for node, name in dict.fromkeys((metric.node, metric.name) for run in runs for metric in run.metrics):
        numbers = tuple(number_of(run.metrics, node, name) for run in runs)
        full = f"{node}.{name}"
        yield Row(
            group=Group.METRICS,
            name=full if len(nodes[name]) > 1 else name,
            values=tuple(None if number is None else repr(number) for number in numbers),
            numbers=numbers,
            best=best_of(numbers, up=bool({name, full} & {*maximise}), down=bool({name, full} & {*minimise})),
        )


def number_of(metrics: Sequence[TrackedMetric], node: str, name: str) -> float | None:
    """The value of one metric of a run."""
    return next((each.value for each in metrics if (each.node, each.name) == (node, name)), None)


def best_of(numbers: Sequence[float | None], *, up: bool, down: bool) -> tuple[int, ...]:
    """The places of the best numbers; none where all are equal or it is not known what is best."""
    known = {place: number for place, number in enumerate(numbers) if number is not None and not math.isnan(number)}
    if up is down or len(set(known.values())) < 2:
        return ()
    best = (max if up else min)(known.values())
    return tuple(place for place, number in known.items() if number == best)


def parameter_rows(runs: Sequence[TrackedRun]) -> Iterator[Row]:
    """A row for every parameter; one that a node only got from the pipeline under the same name has none of its own."""
    found = [{label(param): param for param in run.params} for run in runs]
    given = [{param.name: param.text for param in run.params if not param.node} for run in runs]
    for name, first in dict.fromkeys((label(param), param.name) for run in runs for param in run.params):
        params = [each.get(name) for each in found]
        passed_on = all(
            param is None or (param.node and param.layer == "node" and is_same(own.get(first), param.text))
            for param, own in zip(params, given, strict=True)
        )
        if not passed_on:
            yield parameter_row(name, params)


def is_same(given: str | None, got: str) -> bool:
    """Whether two texts spell one value: a node that wants a float gets 2 as 2.0."""
    return given == got or (given is not None and numeric(given) is not None and numeric(given) == numeric(got))


def parameter_row(name: str, params: Sequence[TrackedParam | None]) -> Row:
    """One parameter of every run, and who set it."""
    return Row(
        group=Group.PARAMETERS,
        name=name,
        values=tuple(param.text if param else None for param in params),
        numbers=tuple(numeric(param.text) if param else None for param in params),
        layers=tuple(param.layer if param else "" for param in params),
    )


def label(param: TrackedParam) -> str:
    """The name of a parameter among all of a run."""
    return f"{param.node}.{param.name}" if param.node else param.name


def numeric(text: str) -> float | None:
    """The finite number that a text spells."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def data_of(run: TrackedRun) -> Labelled:
    """The data that a run read from outside, by the node that imported it: digest and place."""
    digests = {each.node: each.digest for each in run.datasets}
    return digests | {f"{each.node} (place)": each.uri for each in run.datasets}


def code_of(run: TrackedRun) -> Labelled:
    """What ran, and with which packages."""
    return said({"commit": run.commit, "changes": run.changes, "environment": run.environment, "source": run.source})


def outputs_of(run: TrackedRun) -> Labelled:
    """The digests of what nodes published."""
    return {f"{each.node}.{each.output}": each.digest for each in run.artifacts if not each.imported}


def facts_of(run: TrackedRun) -> Labelled:
    """The run as a whole."""
    facts = {"pipeline": run.pipeline, "state": run.state, "actor": run.actor, "command": " ".join(run.command)}
    return said(facts)


def said(facts: Labelled) -> Labelled:
    """The facts that are known."""
    return {name: value for name, value in facts.items() if value}


def as_json(comparison: Comparison) -> dict[str, JsonValue]:
    """The comparison as JSON; metrics are numbers, NaN and infinities by name."""
    rows: list[JsonValue] = [row_document(row) for row in comparison.rows]
    return {"runs": [run.run for run in comparison.runs], "rows": rows}


def row_document(row: Row) -> dict[str, JsonValue]:
    """One row."""
    numbers: list[JsonValue] = [None if number is None else spelled(number) for number in row.numbers]
    values: list[JsonValue] = numbers if row.group is Group.METRICS else list(row.values)
    document: dict[str, JsonValue] = {
        "group": row.group.value,
        "name": row.name,
        "differs": row.differs,
        "values": values,
    }
    if row.layers:
        document["layers"] = list(row.layers)
    return document | ({"best": list(row.best)} if row.best else {})
