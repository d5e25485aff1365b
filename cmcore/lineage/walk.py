"""Walks over the lineage: what an artifact was made from, and what was made of it, as a value and as text.

Breadth first, by the store's producers and consumers; no store's query language is used. Values that stood in
parameters were read too: executions name them in a fact, and no edge of the store does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from cmcore.lineage.record import DELETED_AT, DELETED_REASON, ArtifactRecord, ExecutionRecord
from cmcore.lineage.store import LineageStore

PARAMETER = "[parameter]"
VALUE = "value"  # the fact that holds the value of an artifact that may stand in a parameter


class Direction(StrEnum):
    """Against the flow of data, or with it."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """An edge of the graph: `execution` wrote (`output`) or read `artifact` under (key, index). Ends are names.

    The key of a value that stood in a parameter is `[parameter]`, which no input's key can be.
    """

    execution: str
    artifact: str
    key: str
    index: int
    output: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The part of the lineage that a walk has seen, in the order in which it was met; the first artifact is its start.

    `complete` says that neither the depth nor the limit has cut it.
    """

    direction: Direction
    artifacts: tuple[ArtifactRecord, ...]
    executions: tuple[ExecutionRecord, ...]
    uses: tuple[Use, ...]
    complete: bool


def upstream(store: LineageStore, artifact: ArtifactRecord, *, depth: int = 100, limit: int = 1000) -> Walk:
    """What the artifact was made from: producers and their inputs, `depth` executions deep, at most `limit` of them.

    An artifact that was served from the cache was made by the execution that first wrote it.
    """
    return _walk(store, Direction.UP, artifact, lambda each: store.producers(each)[:1], depth, limit)


def downstream(store: LineageStore, artifact: ArtifactRecord, *, depth: int = 100, limit: int = 1000) -> Walk:
    """What was made of the artifact: the executions that read it and their outputs, oldest first."""
    return _walk(store, Direction.DOWN, artifact, lambda each: _readers(store, each, limit + 1), depth, limit)


def read_by(store: LineageStore, execution: ExecutionRecord) -> list[ArtifactRecord]:
    """What an execution read: its inputs, and the artifacts whose values stood in its parameters."""
    values = [store.artifact(name) for name in execution.parameter_artifacts]
    return [*(edge.artifact for edge in execution.inputs), *(value for value in values if value is not None)]


def names_read_by(execution: ExecutionRecord) -> tuple[str, ...]:
    """The same without a store, by `identity`."""
    return (*(identity(edge.artifact) for edge in execution.inputs), *execution.parameter_artifacts)


def _readers(store: LineageStore, artifact: ArtifactRecord, limit: int) -> list[ExecutionRecord]:
    """The executions that read an artifact, oldest first. Stores know no readers of values in parameters: these are
    found in the runs that wrote the value or were served it."""
    consumers = store.consumers(artifact, limit=limit)[::-1]
    if VALUE not in artifact.facts:
        return consumers
    runs = dict.fromkeys(each.run for each in store.producers(artifact))
    by_value = [
        each for run in runs for each in store.executions(run) if identity(artifact) in each.parameter_artifacts
    ]
    return [*consumers, *by_value]


def _walk(
    store: LineageStore,
    direction: Direction,
    start: ArtifactRecord,
    neighbours: Callable[[ArtifactRecord], list[ExecutionRecord]],
    depth: int,
    limit: int,
) -> Walk:
    artifacts, executions = {identity(start): start}, dict[str, ExecutionRecord]()
    frontier, complete = [start], True
    for _ in range(depth):
        met: dict[str, ArtifactRecord] = {}
        for artifact in frontier:
            for execution in neighbours(artifact):
                if execution.name in executions:
                    continue
                if len(executions) >= limit:
                    complete = False
                    break
                executions[execution.name] = execution
                met |= {identity(found): found for found in _far_side(store, direction, execution)}
        frontier = [found for name, found in met.items() if name not in artifacts]
        artifacts |= {identity(found): found for found in frontier}
        if not frontier:
            break
    else:
        complete = complete and not any(neighbours(artifact) for artifact in frontier)
    uses = tuple(use for execution in executions.values() for use in _uses(execution) if use.artifact in artifacts)
    return Walk(
        direction=direction,
        artifacts=tuple(artifacts.values()),
        executions=tuple(executions.values()),
        uses=uses,
        complete=complete,
    )


def identity(artifact: ArtifactRecord) -> str:
    """The name; the store's id for artifacts that others have written without one."""
    return artifact.name or f"#{artifact.id}"


def _far_side(store: LineageStore, direction: Direction, execution: ExecutionRecord) -> list[ArtifactRecord]:
    if direction is Direction.UP:
        return read_by(store, execution)
    return [edge.artifact for edge in execution.outputs]


def _uses(execution: ExecutionRecord) -> Iterator[Use]:
    ends = [
        *((edge.key, edge.index, identity(edge.artifact), False) for edge in execution.inputs),
        *((PARAMETER, index, name, False) for index, name in enumerate(execution.parameter_artifacts)),
        *((edge.key, edge.index, identity(edge.artifact), True) for edge in execution.outputs),
    ]
    for key, index, artifact, output in ends:
        yield Use(execution=execution.name, artifact=artifact, key=key, index=index, output=output)


def tree_lines(walk: Walk) -> list[str]:
    """The walk as a tree of text; what was shown before is named, and its branch not repeated."""
    near_is_output = walk.direction is Direction.UP
    texts = {identity(artifact): _artifact_text(artifact) for artifact in walk.artifacts}
    below: dict[str, list[tuple[str, str]]] = {}
    for use in walk.uses:
        executed = f"execution {use.execution}"
        ends = (use.artifact, executed, "") if use.output is near_is_output else (executed, use.artifact, _port(use))
        branch = below.setdefault(ends[0], [])
        if (entry := (ends[1], ends[2])) not in branch:
            branch.append(entry)
    texts |= {f"execution {execution.name}": _execution_text(execution) for execution in walk.executions}
    return _drawn(identity(walk.artifacts[0]), texts, below)


def _drawn(root: str, texts: dict[str, str], below: dict[str, list[tuple[str, str]]]) -> list[str]:
    lines, shown = [texts[root]], {root}
    stack = [(name, label, "", position) for position, (name, label) in _last_first(below.get(root, []))]
    while stack:
        name, label, indent, from_end = stack.pop()
        corner, rail = ("└── ", "    ") if from_end == 0 else ("├── ", "│   ")
        seen = name in shown and bool(below.get(name))
        lines.append(f"{indent}{corner}{label}{texts[name]}{' (see above)' if seen else ''}")
        if not seen:
            shown.add(name)
            stack += [(*entry, indent + rail, position) for position, entry in _last_first(below.get(name, []))]
    return lines


def _last_first(branch: list[tuple[str, str]]) -> list[tuple[int, tuple[str, str]]]:
    """Entries as a stack takes them, each with the number of entries that come after it."""
    return list(enumerate(branch[::-1]))


def mermaid(walk: Walk) -> str:
    """The walk as a Mermaid flowchart, data flowing from left to right."""
    artifacts = {identity(artifact): f"a{number}" for number, artifact in enumerate(walk.artifacts)}
    executions = {execution.name: f"e{number}" for number, execution in enumerate(walk.executions)}
    lines = ["flowchart LR"]
    lines += [f'    {artifacts[identity(each)]}["{_quoted(_artifact_text(each))}"]' for each in walk.artifacts]
    lines += [f'    {executions[each.name]}(["{_quoted(_execution_text(each))}"])' for each in walk.executions]
    for use in walk.uses:
        ends = (artifacts[use.artifact], executions[use.execution])
        source, target = ends[::-1] if use.output else ends
        lines.append(f'    {source} -- "{_quoted(_port(use).strip())}" --> {target}')
    return "\n".join(lines) + "\n"


def as_json(walk: Walk) -> dict[str, JsonValue]:
    """The walk as JSON: nodes by name, edges between names."""
    return {
        "direction": walk.direction.value,
        "start": identity(walk.artifacts[0]),
        "complete": walk.complete,
        "artifacts": [
            {
                "name": identity(each),
                "type": each.type_name,
                "uri": each.uri,
                "digest": each.digest,
                "id": each.id,
                "deleted": deletion(each) or None,
            }
            for each in walk.artifacts
        ],
        "executions": [
            {"name": each.name, "type": each.type_name, "state": each.state.value, "run": each.run, "node": each.node}
            for each in walk.executions
        ],
        "edges": [
            {
                "from": use.execution if use.output else use.artifact,
                "to": use.artifact if use.output else use.execution,
                "key": use.key,
                "index": use.index,
            }
            for use in walk.uses
        ],
    }


def _artifact_text(artifact: ArtifactRecord) -> str:
    digest = f" {artifact.digest[:19]}" if artifact.digest else ""
    gone = f" ({deletion(artifact)})" if artifact.deleted else ""
    return f"{artifact.type_name} {identity(artifact)}{digest}{gone}"


def deletion(artifact: ArtifactRecord) -> str:
    """When the payload of an artifact was deleted, and why; empty while it is there."""
    if not artifact.deleted:
        return ""
    at, reason = (artifact.facts.get(key) for key in (DELETED_AT, DELETED_REASON))
    day = f" {time.strftime('%Y-%m-%d', time.gmtime(at))}" if isinstance(at, int | float) else ""
    return f"payload deleted{day}{f': {reason}' if reason else ''}"


def payload_gone(store: LineageStore, name: str) -> str:
    """The same for the artifact of that name; empty also where it is not recorded here."""
    artifact = store.artifact(name) if name else None
    return deletion(artifact) if artifact else ""


def _execution_text(execution: ExecutionRecord) -> str:
    return f"{execution.node or execution.type_name} {execution.state} {execution.name}"


def _port(use: Use) -> str:
    return f"[parameter {use.index}] " if use.key == PARAMETER else f"{use.key}[{use.index}] "


def _quoted(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;")
