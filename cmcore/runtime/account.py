"""Accounts of runs: what each was asked for, how it stands and what its nodes did, told from the records. Reads only.

The state database says how a run stands and who has it, the journal what happened, the lineage what came of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from cmcore.events import Event, EventKind
from cmcore.lineage.record import ArtifactRecord, ExecutionRecord
from cmcore.pipelines.plan import NodeKind
from cmcore.runtime.publish import METRIC
from cmcore.runtime.states import NodeState, RunState
from cmcore.state.holder import Holder
from cmcore.state.runs import RunRow

LOST = "LOST"
COUNTED = ("executed", "resolved", "cached", "reused", "failed", "canceled", "skipped", "running", "waiting")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePast:
    """What the journal says of one node; times are seconds since 1970."""

    state: NodeState = NodeState.WAITING
    attempts: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    reason: str = ""
    executed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAccount:
    """One run: `state` is LOST where nobody carries a run out that has not ended."""

    row: RunRow
    state: str
    holder: str
    kinds: Mapping[str, NodeKind]
    nodes: Mapping[str, NodePast]
    counts: Mapping[str, int] = field(default_factory=dict)


def account(row: RunRow, events: Iterable[Event], holder: Holder | None) -> RunAccount:
    """The account of one run."""
    kinds = {node["name"]: NodeKind(node["kind"]) for node in json.loads(row.plan)["nodes"]}
    nodes = {name: NodePast() for name in kinds}
    for event in events:
        if event.node in nodes:
            nodes[event.node] = after(nodes[event.node], event)
    chosen = json.loads(row.options).get("chosen") or list(kinds)
    return RunAccount(
        row=row,
        state=standing(row, holder),
        holder=str(holder or ""),
        kinds=kinds,
        nodes=nodes,
        counts=counts_of(kinds, {name: past.state for name, past in nodes.items() if name in chosen}),
    )


def standing(row: RunRow, holder: Holder | None) -> str:
    """How a run stands: one that somebody carries out is running, whatever it was before."""
    if holder is not None:
        return RunState.RUNNING
    return LOST if row.state == RunState.RUNNING else row.state


def after(past: NodePast, event: Event) -> NodePast:
    """A node's past after one more event."""
    match event.kind:
        case EventKind.ATTEMPT_SUBMITTED:
            return NodePast(state=NodeState.RUNNING, attempts=past.attempts + 1, started_at=event.at, executed=True)
        case EventKind.NODE_RETRYING | EventKind.NODE_FINISHED:
            finished = event.kind is EventKind.NODE_FINISHED
            return NodePast(
                state=NodeState(str(event.data["state"])) if finished else NodeState.BACKING_OFF,
                attempts=past.attempts,
                started_at=past.started_at,
                ended_at=event.at,
                reason=str(event.data.get("reason", "")),
                executed=past.executed,
            )
        case _:
            return past


def counts_of(kinds: Mapping[str, NodeKind], states: Mapping[str, NodeState]) -> dict[str, int]:
    """How many nodes were executed, answered by the driver alone (resolvers), served without work, or not published."""
    found = Counter(counted_as(kinds[name], state) for name, state in states.items())
    return {word: found[word] for word in COUNTED}


def counted_as(kind: NodeKind, state: NodeState) -> str:
    """The word under which a node is counted."""
    if state is NodeState.COMPLETE:
        return "resolved" if kind is NodeKind.RESOLVER else "executed"
    return "running" if state is NodeState.BACKING_OFF else state.lower()


def line_document(found: RunAccount) -> dict[str, JsonValue]:
    """A run as one row of `cm runs --json`."""
    row = found.row
    return {
        "run": row.run,
        "pipeline": row.pipeline,
        "project": row.project,
        "actor": row.actor,
        "state": found.state,
        "holder": found.holder,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "nodes": len(found.kinds),
        **found.counts,
    }


def run_document(
    found: RunAccount, facts: Mapping[str, JsonValue], executions: Sequence[ExecutionRecord]
) -> dict[str, JsonValue]:
    """A run in full, as `cm show --json` gives it; `executions` are oldest first."""
    last = {execution.node: execution for execution in executions}
    known = {key: facts.get(key) for key in ("source", "code_version", "environment", "parameters")}
    nodes: list[JsonValue] = [node_document(name, found, last.get(name)) for name in found.kinds]
    return {**line_document(found), **known, "nodes": nodes, "imported": imported(found, last)}


def node_document(name: str, found: RunAccount, execution: ExecutionRecord | None) -> dict[str, JsonValue]:
    """One node of a run: what the journal says of it, and what its last execution recorded."""
    past, facts = found.nodes[name], execution.facts if execution else {}
    duration = facts.get("duration_s")
    if duration is None and past.executed and past.started_at and past.ended_at:
        duration = round(past.ended_at - past.started_at, 3)
    return {
        "node": name,
        "kind": found.kinds[name].value,
        "state": past.state.value,
        "attempts": past.attempts,
        "duration_s": duration,
        "reason": str(facts.get("skip_reason") or past.reason),
        "cached_from": facts.get("cached_from", ""),
        "execution": execution.name if execution else "",
        "cache_key": execution.cache_key if execution else "",
        "failure": prefixed(facts, "failure."),
        "metrics": prefixed(facts, METRIC),
        "outputs": [
            {"key": edge.key, "index": edge.index, **artifact_document(edge.artifact)}
            for edge in (execution.outputs if execution and execution.state.published else ())
        ],
    }


def prefixed(facts: Mapping[str, JsonValue], prefix: str) -> dict[str, JsonValue]:
    """The facts under a prefix, which is taken off."""
    return {key.removeprefix(prefix): value for key, value in facts.items() if key.startswith(prefix)}


def imported(found: RunAccount, last: Mapping[str, ExecutionRecord]) -> JsonValue:
    """The data from outside that the run read: where it lies, and its digest."""
    return [
        {"node": name, "uri": edge.artifact.uri, "digest": edge.artifact.digest}
        for name, kind in found.kinds.items()
        if kind is NodeKind.IMPORTER and name in last
        for edge in last[name].outputs
    ]


def artifact_document(artifact: ArtifactRecord) -> dict[str, JsonValue]:
    """One artifact."""
    document: dict[str, JsonValue] = {
        "name": artifact.name,
        "type": artifact.type_name,
        "uri": artifact.uri,
        "digest": artifact.digest,
        "properties": dict(artifact.properties),
    }
    return document | ({"value": artifact.facts["value"]} if "value" in artifact.facts else {})
