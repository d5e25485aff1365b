"""What a run shows under a field, and which fields a search shows by itself; runs as JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from cmcore.filters.syntax import And, Comparison, Field, Filter, Not, Or
from cmcore.tracked import spelled
from cmcore.tracking.query import GROUPS, NUMBERS, TEXTS, TIMES, unknown
from cmcore.tracking.values import TrackedRun

METRICS_SHOWN = 3


def values(run: TrackedRun, field: Field) -> tuple[str | float, ...]:
    """The values of a field, as a filter sees them; raises UsageError for a field that there is not."""
    name = field.name
    match field.group:
        case "metrics":
            return tuple(metric.value for metric in run.metrics_named(name))
        case "params":
            return tuple(param.text for param in run.params if name in {param.name, f"{param.node}.{param.name}"})
        case "tags":
            return (run.tags[name],) if name in run.tags else ()
    if field.group or name not in {*TEXTS, *TIMES, *NUMBERS}:
        raise unknown(field)
    facts: dict[str, str | float | None] = {
        "run": run.run,
        "state": run.state,
        "pipeline": run.pipeline,
        "project": run.project,
        "actor": run.actor,
        "source": run.source,
        "commit": run.commit,
        "started": run.created_at,
        "finished": run.finished_at,
        "duration": run.duration_s,
    }
    value = facts[name]
    return () if value is None else (value,)


def fields_in(asked: Filter) -> Iterator[Field]:
    """The fields that a filter asks for, in its order."""
    match asked:
        case Comparison(field=field):
            yield field
        case Not(operand=operand):
            yield from fields_in(operand)
        case And(operands=operands) | Or(operands=operands):
            for operand in operands:
                yield from fields_in(operand)


def telling(asked: Filter | None, order: Field | None, runs: Sequence[TrackedRun]) -> list[Field]:
    """The fields that a search shows: what it asks and sorts by, and the most common metrics if it names none."""
    named = [*([order] if order else []), *(fields_in(asked) if asked else ())]
    fields = list(dict.fromkeys(field for field in named if field.group in GROUPS))
    if any(field.group == "metrics" for field in fields):
        return fields
    counts = Counter(name for run in runs for name in {metric.name for metric in run.metrics})
    common = sorted(counts, key=lambda name: (-counts[name], name))[:METRICS_SHOWN]
    return [*fields, *(Field(group="metrics", name=name) for name in common)]


def document(run: TrackedRun) -> dict[str, JsonValue]:
    """A run as JSON; NaN and infinities are texts."""
    params: list[JsonValue] = [
        {"node": it.node, "name": it.name, "value": it.text, "layer": it.layer} for it in run.params
    ]
    metrics: list[JsonValue] = [{"node": it.node, "name": it.name, "value": spelled(it.value)} for it in run.metrics]
    notes: list[JsonValue] = [{"at": it.at, "actor": it.actor, "node": it.node, "text": it.text} for it in run.notes]
    datasets: list[JsonValue] = [{"node": it.node, "uri": it.uri, "digest": it.digest} for it in run.datasets]
    return {
        "run": run.run,
        "pipeline": run.pipeline,
        "project": run.project,
        "actor": run.actor,
        "state": run.state,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
        "source": run.source,
        "commit": run.commit,
        "changes": run.changes,
        "params": params,
        "metrics": metrics,
        "tags": dict(run.tags),
        "notes": notes,
        "datasets": datasets,
    }
