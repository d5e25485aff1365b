"""Chronicle: everything that one run writes down, in lineage, journal and memory. What to do next is the driver's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from cmcore.address import Address
from cmcore.errors import ConflictError, LeaseLostError
from cmcore.events import Event, EventKind
from cmcore.failpoint import failpoint
from cmcore.lineage.record import NOTHING, ExecutionRecord
from cmcore.lineage.store import LineageStore
from cmcore.pipelines.plan import Plan, PlannedNode
from cmcore.runtime import publish
from cmcore.runtime.frontier import Frontier
from cmcore.runtime.job import Failure
from cmcore.runtime.resolve import Given, Outputs
from cmcore.runtime.states import NodeState, moved
from cmcore.state.journal import Journal
from cmcore.state.lease import Lease


@dataclass(slots=True, kw_only=True)
class Progress:
    """Everything that changes while a run goes on; a resumed run starts with what was recorded."""

    states: dict[str, NodeState]
    published: dict[str, Outputs] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Where a run is written down, under whose name and lease, and who reads along."""

    lineage: LineageStore
    journal: Journal
    lease: Lease
    actor: str
    clock: Callable[[], float]
    listen: Callable[[Event], None]


class Chronicle:
    """The one writer of a run. Nothing more is written once the lease is known to be lost."""

    def __init__(self, plan: Plan, run: str, progress: Progress, books: Books) -> None:
        self.run, self.progress, self.books = run, progress, books
        self.frontier = Frontier(plan, progress.states)
        self.lease_lost: LeaseLostError | None = None
        self._recorder = publish.Recorder(plan=plan, run=run, actor=books.actor)

    def next_address(self, node: str) -> Address:
        """The address of a new attempt at a node."""
        attempt = self.progress.attempts[node] = self.progress.attempts.get(node, 0) + 1
        return Address(run=self.run, node=node, attempt=attempt)

    def begun(
        self,
        address: Address,
        node: PlannedNode,
        given: Given | None = None,
        parts: Mapping[str, JsonValue] | None = None,
        key: str = "",
    ) -> ExecutionRecord:
        """The RUNNING execution of an attempt that begins now; nothing is written yet."""
        return self._recorder.begun(address, node, given or Given(), self.books.clock(), parts or {}, key)

    def check_lease(self) -> None:
        """Raise LeaseLostError once another driver is known to have the run."""
        if self.lease_lost is not None:
            raise self.lease_lost

    def confirm_lease(self) -> None:
        """Raise LeaseLostError if another driver has the run. The store is asked, before anything that cannot be taken
        back: a driver that has slept comes here before its keeper's thread has looked."""
        self.check_lease()
        self.books.journal.confirm(self.books.lease)

    def begin(self, record: ExecutionRecord, address: Address, reason: str) -> None:
        """Journal an attempt, then record it as RUNNING: in this order, so that a kill loses no attempt's number."""
        data = publish.asked_of(record) | ({"reason": reason} if reason else {})
        self.journal(EventKind.ATTEMPT_SUBMITTED, record.node, address, data)
        failpoint("attempt-journaled")
        self.books.lineage.begin(record)
        failpoint("execution-begun")
        self.confirm_lease()
        self.move(record.node, NodeState.RUNNING)

    def commit(self, record: ExecutionRecord) -> ExecutionRecord:
        """The one commit point of an execution; a lost lease keeps it from happening."""
        self.confirm_lease()
        try:
            recorded = self.books.lineage.commit(record)
        except ConflictError:
            self.confirm_lease()  # says so if another driver has taken the run
            raise
        failpoint("execution-committed")
        return recorded

    def publish(self, node: PlannedNode, state: NodeState, recorded: ExecutionRecord, reason: str) -> None:
        """Make a node's outputs readable."""
        self.progress.published[node.name] = publish.by_key(recorded)
        address = Address.parse(recorded.name)
        self.finish(
            node.name, state, address=address, reason=reason,
            artifacts=publish.new_artifacts(recorded), told=publish.told_of(recorded),
        )  # fmt: skip

    def finish(
        self,
        name: str,
        state: NodeState,
        *,
        address: Address | None = None,
        reason: str = "",
        artifacts: Sequence[dict[str, JsonValue]] = (),
        told: Mapping[str, JsonValue] = NOTHING,
    ) -> None:
        """A node is over: journal it and the artifacts that it published, then show it."""
        self.move(name, state)
        if reason:
            self.progress.reasons[name] = reason
        data: dict[str, JsonValue] = {"state": state, **({"reason": reason[:1000]} if reason else {}), **told}
        published = [self.event(EventKind.ARTIFACT_PUBLISHED, name, address, artifact) for artifact in artifacts]
        self.append([*published, self.event(EventKind.NODE_FINISHED, name, address, data)])
        failpoint("node-journaled")

    def move(self, name: str, state: NodeState) -> None:
        """Change a node's state, by the table."""
        self.progress.states[name] = moved(self.progress.states[name], state)
        self.frontier.moved(name)

    def journal(self, kind: EventKind, node: str, address: Address | None, data: dict[str, JsonValue]) -> None:
        """Append to the journal under our lease, then let live views see it."""
        self.append([self.event(kind, node, address, data)])

    def append(self, events: Sequence[Event]) -> None:
        """Events that happened at once, in one transaction under our lease."""
        self.books.journal.append(events, lease=self.books.lease)
        for event in events:
            self.books.listen(event)

    def show(self, kind: EventKind, node: str, address: Address, data: dict[str, JsonValue]) -> None:
        """Let live views see something that nothing keeps."""
        self.books.listen(self.event(kind, node, address, data))

    def event(self, kind: EventKind, node: str, address: Address | None, data: dict[str, JsonValue]) -> Event:
        """A fact of this run, now."""
        name = str(address) if address else ""
        return Event(kind=kind, at=self.books.clock(), run=self.run, node=node, address=name, data=data)
