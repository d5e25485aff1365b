"""Board: where every node of a run stands, as its events tell it. How that looks is for the views."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from cmcore.address import Address
from cmcore.events import Event, EventKind
from cmcore.runtime.states import NodeState


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One node. Times are seconds since 1970; `done` of `total` is in the component's own unit."""

    name: str
    state: NodeState = NodeState.WAITING
    attempt: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    done: float = 0.0
    total: float = 0.0
    message: str = ""
    reason: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)

    def duration_s(self, now: float) -> float | None:
        """How long it has run, or ran; None for one that never started."""
        return None if self.started_at is None else max(0.0, (self.ended_at or now) - self.started_at)


class Board:
    """The rows of one run, in the order of its plan."""

    def __init__(self, states: Mapping[str, NodeState], reasons: Mapping[str, str]) -> None:
        self.rows = {name: Row(name=name, state=state, reason=reasons.get(name, "")) for name, state in states.items()}

    def hear(self, event: Event) -> Row | None:
        """Take one event in; the row that it changed."""
        if event.node not in self.rows:
            return None
        self.rows[event.node] = row = changed(self.rows[event.node], event)
        return row

    @property
    def counts(self) -> Counter[NodeState]:
        """How many nodes are in each state."""
        return Counter(row.state for row in self.rows.values())


def changed(row: Row, event: Event) -> Row:
    """The row after an event of its node."""
    match event.kind:
        case EventKind.ATTEMPT_SUBMITTED:
            attempt = Address.parse(event.address).attempt
            return Row(name=row.name, state=NodeState.RUNNING, attempt=attempt, started_at=event.at)
        case EventKind.ATTEMPT_PROGRESSED:
            return reported(row, event.data)
        case EventKind.NODE_RETRYING:
            return replace(row, state=NodeState.BACKING_OFF, ended_at=event.at, reason=retry_reason(event.data))
        case EventKind.NODE_FINISHED:
            state = NodeState(str(event.data["state"]))
            return replace(row, state=state, ended_at=event.at, reason=str(event.data.get("reason", "")), message="")
        case _:
            return row


def reported(row: Row, data: Mapping[str, JsonValue]) -> Row:
    """The row after a word of its component."""
    match data:
        case {"kind": "progress", "done": int() | float() as done, "total": int() | float() as total}:
            return replace(row, done=done, total=total, message=str(data.get("message", "")))
        case {"kind": "metric", "name": str() as name, "value": int() | float() as value}:
            return replace(row, metrics={**row.metrics, name: value})
        case {"kind": "log", "message": str() as message}:
            return replace(row, message=message)
        case _:
            return row


def retry_reason(data: Mapping[str, JsonValue]) -> str:
    """Why a node is tried again, and when."""
    return f"{data.get('code')}: {data.get('reason')}; again in {data.get('wait_s', 0):g} s"
