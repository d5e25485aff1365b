"""What came of running again: node by node, output by output, what is equal and what differs, and by how much. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from cmcore.lineage.record import ArtifactRecord, ExecutionRecord
from cmcore.storage.manifest import Manifest

METRIC = "metric."
Files = Callable[[ArtifactRecord, ArtifactRecord], tuple[str, ...]]
"""The files in which two payloads differ."""


class Verdict(StrEnum):
    """What is said of one node."""

    EQUAL = "equal"
    DIFFERS = "differs"
    FAILED = "failed"
    GIVEN = "given"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputComparison:
    """One output then and now; `files` names the files that differ, `properties` the properties."""

    key: str
    then: tuple[str, ...]
    now: tuple[str, ...]
    files: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return self.then == self.now and not self.properties


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricComparison:
    """One metric then and now; None where it was not told."""

    name: str
    then: float | None
    now: float | None

    @property
    def equal(self) -> bool:
        """Whether both are the same number, or both not a number."""
        if self.then is None or self.now is None:
            return self.then is self.now
        return self.then == self.now or (math.isnan(self.then) and math.isnan(self.now))

    @property
    def difference(self) -> float | None:
        """Now minus then."""
        return None if self.then is None or self.now is None else self.now - self.then


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeComparison:
    """One node. `on_recorded_inputs` says that something above it differs, so that it was given what it read then."""

    node: str
    verdict: Verdict
    reason: str = ""
    outputs: tuple[OutputComparison, ...] = ()
    metrics: tuple[MetricComparison, ...] = ()
    on_recorded_inputs: bool = False


def compared(
    then: ExecutionRecord, now: ExecutionRecord, outputs: Collection[str], files: Files, *, again: bool = False
) -> NodeComparison:
    """The comparison of two published executions of a node in its declared outputs; `again` if not the first."""
    found = tuple(_output(key, _at(then, key), _at(now, key), files) for key in outputs)
    metrics = tuple(metric for metric in _metrics(then, now) if not metric.equal)
    differs = any(not output.equal for output in found) or bool(metrics)
    return NodeComparison(
        node=then.node,
        verdict=Verdict.DIFFERS if differs else Verdict.EQUAL,
        outputs=found,
        metrics=metrics,
        on_recorded_inputs=again,
    )


def _at(execution: ExecutionRecord, key: str) -> list[ArtifactRecord]:
    edges = sorted((edge for edge in execution.outputs if edge.key == key), key=lambda edge: edge.index)
    return [edge.artifact for edge in edges]


def _output(key: str, then: list[ArtifactRecord], now: list[ArtifactRecord], files: Files) -> OutputComparison:
    pairs = list(zip(then, now, strict=False))
    return OutputComparison(
        key=key,
        then=tuple(each.digest for each in then),
        now=tuple(each.digest for each in now),
        files=tuple(name for one, other in pairs if one.digest != other.digest for name in files(one, other)),
        properties=tuple(name for one, other in pairs for name in _properties(one, other)),
    )


def _properties(then: ArtifactRecord, now: ArtifactRecord) -> list[str]:
    names = sorted({*then.properties, *now.properties})
    return [name for name in names if then.properties.get(name) != now.properties.get(name)]


def _metrics(then: ExecutionRecord, now: ExecutionRecord) -> Iterable[MetricComparison]:
    before, after = metrics_of(then), metrics_of(now)
    for name in sorted({*before, *after}):
        yield MetricComparison(name=name, then=before.get(name), now=after.get(name))


def metrics_of(execution: ExecutionRecord) -> dict[str, float]:
    """The metrics that an execution told."""
    return {
        key.removeprefix(METRIC): float(value)
        for key, value in execution.facts.items()
        if key.startswith(METRIC) and isinstance(value, int | float)
    }


def differing_files(then: Manifest, now: Manifest) -> tuple[str, ...]:
    """The files that two payloads do not have in common, by path."""
    before = {entry.path: entry.sha256 for entry in then.files}
    after = {entry.path: entry.sha256 for entry in now.files}
    return tuple(sorted(path for path in {*before, *after} if before.get(path) != after.get(path)))


def node_document(found: NodeComparison) -> dict[str, JsonValue]:
    """The comparison of one node as JSON."""
    outputs: list[JsonValue] = [
        {
            "key": each.key,
            "equal": each.equal,
            "then": list(each.then),
            "now": list(each.now),
            "files": list(each.files),
            "properties": list(each.properties),
        }
        for each in found.outputs
    ]
    metrics: list[JsonValue] = [
        {"name": each.name, "then": each.then, "now": each.now, "difference": each.difference} for each in found.metrics
    ]
    return {
        "node": found.node,
        "verdict": found.verdict.value,
        "reason": found.reason,
        "on_recorded_inputs": found.on_recorded_inputs,
        "outputs": outputs,
        "metrics": metrics,
    }
