"""The driver of one run: asks what is ready, resolves, looks in the cache, launches, retries, records.

It decides by the pure functions beside it, and is the only one that writes lineage.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import JsonValue

from cmcore.address import Address
from cmcore.components.component import Component
from cmcore.components.context import TRACKED
from cmcore.errors import CmError, LeaseLostError, NotFoundError, UsageError
from cmcore.events import Event, EventKind
from cmcore.failpoint import failpoint
from cmcore.lineage.record import ExecutionRecord, ExecutionState
from cmcore.lineage.store import LineageStore
from cmcore.pipelines.plan import NodeKind, Plan, PlannedNode
from cmcore.pipelines.resolver import Query, Resolver
from cmcore.resources import Resources
from cmcore.runtime import publish
from cmcore.runtime.backlog import Backlog
from cmcore.runtime.cache import Cache, imported_before
from cmcore.runtime.chronicle import Books, Chronicle, Progress
from cmcore.runtime.effects import Effects, carried_out, with_intents
from cmcore.runtime.job import Failure, FailureCode, Outcome, Storage
from cmcore.runtime.jobs import job_of
from cmcore.runtime.key import key_of, key_parts
from cmcore.runtime.launcher import Ended, Launcher, Told
from cmcore.runtime.resolve import Given, asked, given_to
from cmcore.runtime.states import UNFINISHED, NodeState, RunState, blocked_by, stopping, verdict
from cmcore.state.journal import Journal
from cmcore.state.lease import Lease

CANCEL_GRACE_S = 5.0
IDLE_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """What a run stands on; made by the composition root."""

    lineage: LineageStore
    journal: Journal
    cache: Cache
    launcher: Launcher
    in_process: Launcher
    storage: Storage
    scratch: Path
    capacity: Resources
    workers: int
    resolvers: Mapping[str, Callable[[], Resolver]]
    effects: Effects = field(default_factory=dict)
    system_metrics_s: float = 0.0
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt that is running."""

    address: Address
    node: PlannedNode
    begun: ExecutionRecord
    given: Given
    deadline: float | None


class Driver:
    """Carries one plan out under one lease."""

    def __init__(
        self,
        *,
        plan: Plan,
        run: str,
        actor: str,
        backends: Backends,
        lease: Lease,
        progress: Progress,
        components: Mapping[str, Component],
        listen: Callable[[Event], None],
    ) -> None:
        self.plan, self.run, self.backends = plan, run, backends
        self.progress, self.components = progress, components
        books = Books(
            lineage=backends.lineage,
            journal=backends.journal,
            lease=lease,
            actor=actor,
            clock=backends.clock,
            listen=listen,
        )
        self.chronicle = Chronicle(plan, run, progress, books)
        self.running: dict[str, Attempt] = {}
        self.backlog = Backlog()
        self.retry_at: dict[str, float] = {}
        self.cancel_reason = ""
        self.kill_at = 0.0

    def carry_out(self) -> RunState:
        """Run until every node is over; raises LeaseLostError if another driver has taken the run."""
        while not UNFINISHED.isdisjoint(self.progress.states.values()):
            self.start_ready()
            self.wait()
            self.enforce_deadlines()
        return verdict(self.progress.states)

    def cancel(self, reason: str) -> None:
        """Ask the run to stop; safe from signal handlers and other threads."""
        self.cancel_reason = self.cancel_reason or reason
        self.backends.in_process.cancel("")
        self.backends.launcher.wake()

    def stop_at_once(self) -> None:
        """After `cancel`: kill what runs instead of waiting for it; safe from signal handlers and other threads."""
        self.kill_at = self.backends.monotonic()
        self.backends.launcher.wake()

    def lose_lease(self, error: LeaseLostError) -> None:
        """Stop at once without recording anything more: another driver has the run."""
        self.chronicle.lease_lost = error
        self.backends.launcher.wake()

    # -- what can start ------------------------------------------------------------------------------------------

    def start_ready(self) -> None:
        """Start what can start until nothing more can, skip what cannot run any more."""
        started = True
        while started:
            started = False
            self.check_stop()
            for node in self.chronicle.frontier.ready():
                if self.cancel_reason or len(self.running) >= self.backends.workers:
                    break
                if reason := blocked_by(node, self.progress.states):
                    self.skip(node, reason)
                    started = True
                elif self.has_room_for(node):
                    self.start(node)
                    started = self.progress.states[node.name].over or started
                if self.progress.states[node.name] is NodeState.FAILED:
                    break  # nothing more may start before it is known whether this stops the run

    def check_stop(self) -> None:
        """Turn a lost lease, a cancellation and a failure that stops the run into what follows from them."""
        self.chronicle.check_lease()
        if not self.cancel_reason and (failed := stopping(self.plan, self.progress.states)):
            for node in self.chronicle.frontier.ready():
                self.skip(node, blocked_by(node, self.progress.states) or f"node {failed!r} failed")
            self.retry_at = dict.fromkeys(self.retry_at, 0.0)  # what would be tried again is skipped without waiting
        if self.cancel_reason:
            self.cancel_all()

    def cancel_all(self) -> None:
        """Nodes that have not started are canceled now; running ones are asked to stop, later killed."""
        for name, state in self.progress.states.items():
            if state in (NodeState.WAITING, NodeState.BACKING_OFF):
                self.chronicle.finish(name, NodeState.CANCELED, reason=self.cancel_reason)
        if self.running and not self.kill_at:
            self.kill_at = self.backends.monotonic() + CANCEL_GRACE_S
            for attempt in self.running.values():
                self.backends.launcher.cancel(str(attempt.address))

    def has_room_for(self, node: PlannedNode) -> bool:
        """Whether the node fits beside what runs; alone, anything fits."""
        if not self.running or node.kind is NodeKind.RESOLVER:
            return True
        used = [attempt.node.resources for attempt in self.running.values()]
        return node.resources.fits_in(self.backends.capacity.left_by(used))

    # -- one node ------------------------------------------------------------------------------------------------

    def start(self, node: PlannedNode) -> None:
        """Resolve, look in the cache, launch; whatever goes wrong here is this node's failure."""
        address = self.chronicle.next_address(node.name)
        given = Given()
        try:
            check_devices(node, self.backends.capacity)
            given = given_to(self.plan, node, self.progress.published, self.run)
            if given.missing:
                self.skip(node, given.missing, address)
            elif node.kind is NodeKind.RESOLVER:
                self.resolve(address, node, given)
            else:
                self.serve_or_launch(address, node, given)
        except LeaseLostError:
            raise
        except (UsageError, NotFoundError) as error:
            self.fail_before_start(address, node, given, error)

    def fail_before_start(self, address: Address, node: PlannedNode, given: Given, error: CmError) -> None:
        """Record that a node could not even be given what it needs."""
        begun = self.chronicle.begun(address, node, replace(given, parameters={}))
        failure = Failure(code=FailureCode.BAD_INPUT, message=str(error), exception=type(error).__name__)
        self.chronicle.commit(publish.failed(begun, failure, self.backends.clock(), ExecutionState.FAILED))
        self.progress.failures[node.name] = failure
        self.chronicle.finish(node.name, NodeState.FAILED, address=address, reason=str(error))

    def skip(self, node: PlannedNode, reason: str, address: Address | None = None) -> None:
        """Record that a node does not run, and why."""
        address = address or self.chronicle.next_address(node.name)
        begun = self.chronicle.begun(address, node)
        self.chronicle.commit(publish.skipped(begun, reason, self.backends.clock()))
        self.chronicle.finish(node.name, NodeState.SKIPPED, address=address, reason=reason)

    def resolve(self, address: Address, node: PlannedNode, given: Given) -> None:
        """Ask a resolver; what it finds are this node's outputs."""
        resolver = self.backends.resolvers[node.reference]()
        query = Query(
            parameters=given.parameters,
            inputs=given.inputs,
            lineage=self.backends.lineage,
            pipeline=self.plan.pipeline,
            project=self.plan.project,
        )
        found = asked(node, resolver, query)
        begun = self.chronicle.begun(address, node, given)
        recorded = self.chronicle.commit(publish.found(begun, found, self.backends.clock()))
        self.chronicle.publish(node, NodeState.COMPLETE, recorded, f"found {sum(map(len, found.values()))}")

    def serve_or_launch(self, address: Address, node: PlannedNode, given: Given) -> None:
        """Use an earlier result if there is one, else start an attempt."""
        parts = key_parts(node, given.inputs, given.parameters)
        key = key_of(parts)
        begun = self.chronicle.begun(address, node, given, parts, key)
        if node.kind is NodeKind.IMPORTER:
            self.launch(address, node, given, replace(begun, cache_key="", facts={}))
            return
        lookup = self.backends.cache.lookup(node, key, given.parameters)
        if lookup.hit:
            recorded = self.chronicle.commit(publish.cached(begun, lookup.hit, self.backends.clock()))
            self.chronicle.publish(node, NodeState.CACHED, recorded, lookup.reason)
        else:
            unshared = node.in_process or node.cache == "off"
            self.launch(address, node, given, replace(begun, cache_key="" if unshared else key), lookup.reason)

    def launch(
        self, address: Address, node: PlannedNode, given: Given, begun: ExecutionRecord, reason: str = ""
    ) -> None:
        """Write the attempt down, then submit it."""
        self.chronicle.begin(begun, address, reason)
        deadline = self.backends.monotonic() + node.timeout_s if node.timeout_s else None
        self.running[str(address)] = Attempt(address=address, node=node, begun=begun, given=given, deadline=deadline)
        job = job_of(
            self.plan, address, node, given, storage=self.backends.storage, scratch=self.backends.scratch,
            system_metrics_s=self.backends.system_metrics_s,
        )  # fmt: skip
        component = self.components.get(node.name)
        if node.in_process and component is not None:
            self.backends.in_process.submit(job, component.work)
        else:
            self.backends.launcher.submit(job)
        failpoint("attempt-submitted")

    # -- what happens while attempts run -------------------------------------------------------------------------

    def wait(self) -> None:
        """Wait for the next event, retry or deadline, and take in all events that there are."""
        if not self.running and not self.retry_at:
            return
        done_here = list(self.backends.in_process.heard(0))
        events = done_here or list(self.backends.launcher.heard(self.patience_s()))
        for event in events:
            match event:
                case Told():
                    self.tell(event)
                case Ended() if event.address in self.running:
                    self.end(self.running.pop(event.address), event.outcome)
        now = self.backends.monotonic()
        for address in self.backlog.due(now):
            self.journal_tracked(self.running[address])
        for name in [name for name, at in self.retry_at.items() if at <= now]:
            del self.retry_at[name]
            if self.progress.states[name] is NodeState.BACKING_OFF:
                self.chronicle.move(name, NodeState.WAITING)

    def patience_s(self) -> float:
        """Seconds until something must be done even if nothing is heard."""
        now = self.backends.monotonic()
        times = [*self.retry_at.values(), *(it.deadline for it in self.running.values() if it.deadline is not None)]
        if self.kill_at:
            times.append(self.kill_at)
        if (due := self.backlog.due_at()) is not None:
            times.append(due)
        return max(0.0, min([IDLE_S, *(at - now for at in times)]))

    def enforce_deadlines(self) -> None:
        """Kill attempts whose time is up, and after a cancellation those that did not stop by themselves."""
        now = self.backends.monotonic()
        for name, attempt in list(self.running.items()):
            if attempt.deadline is not None and attempt.deadline <= now:
                del self.running[name]
                self.backends.launcher.kill(name)
                message = f"it ran longer than its timeout of {attempt.node.timeout_s} s"
                self.fail(attempt, Failure(code=FailureCode.TIMED_OUT, message=message))
            elif self.kill_at and self.kill_at <= now:
                self.backends.launcher.kill(name)

    def tell(self, told: Told) -> None:
        """Pass on what an executor reported: what it tracked to the journal, the rest to live views only."""
        attempt = self.running.get(told.address)
        if attempt is not None and told.kind == TRACKED:
            self.backlog.add(told.address, told.data, self.backends.monotonic())
        elif attempt is not None:
            data: dict[str, JsonValue] = {"kind": told.kind, **told.data}
            self.chronicle.books.listen(
                self.chronicle.event(EventKind.ATTEMPT_PROGRESSED, attempt.node.name, attempt.address, data)
            )

    def journal_tracked(self, attempt: Attempt) -> None:
        """Write down what an attempt has tracked so far."""
        if records := self.backlog.taken(str(attempt.address)):
            data: dict[str, JsonValue] = {"records": records}
            self.chronicle.journal(EventKind.ATTEMPT_TRACKED, attempt.node.name, attempt.address, data)

    def end(self, attempt: Attempt, outcome: Outcome) -> None:
        """Carry out what an attempt asked for, and record how it ended."""
        failpoint("outcome-received")
        if outcome.failure is not None:
            self.fail(attempt, outcome.failure)
            return
        self.chronicle.confirm_lease()
        try:
            outcome = carried_out(outcome, attempt.begun, self.backends.effects)
        except CmError as error:
            self.fail(attempt, Failure(code=FailureCode.EFFECT_REFUSED, message=str(error)))
            return
        failpoint("effect-applied")
        self.journal_tracked(attempt)
        now = self.backends.clock()
        record = with_intents(publish.completed(attempt.begun, outcome, now), outcome)
        state = NodeState.COMPLETE
        if attempt.node.kind is NodeKind.IMPORTER and (known := self.known_import(record)):
            record, state = publish.cached(attempt.begun, known, now), NodeState.CACHED
        self.chronicle.publish(attempt.node, state, self.chronicle.commit(record), "")

    def known_import(self, record: ExecutionRecord) -> ExecutionRecord | None:
        """The same record over the artifact that an earlier run imported, if these very bytes were imported before."""
        artifact = imported_before(self.backends.lineage, record.outputs[0].artifact)
        if artifact is None:
            return None
        return replace(record, name=artifact.name, outputs=(replace(record.outputs[0], artifact=artifact),))

    def fail(self, attempt: Attempt, failure: Failure) -> None:
        """Record a failed attempt; try again if the node may, unless the run is being cancelled."""
        self.journal_tracked(attempt)
        node, canceled = attempt.node, bool(self.cancel_reason)
        state = ExecutionState.CANCELED if canceled else ExecutionState.FAILED
        if canceled:
            failure = failure.model_copy(update={"code": FailureCode.CANCELED})
        self.chronicle.commit(publish.failed(attempt.begun, failure, self.backends.clock(), state))
        self.progress.failures[node.name] = failure
        tries = self.progress.tries[node.name] = self.progress.tries.get(node.name, 0) + 1
        if not canceled and tries < node.retries.attempts:
            wait_s = node.retries.wait_s(tries)
            data: dict[str, JsonValue] = {"reason": failure.message, "code": failure.code, "wait_s": wait_s}
            self.chronicle.journal(EventKind.NODE_RETRYING, node.name, attempt.address, data)
            self.retry_at[node.name] = self.backends.monotonic() + wait_s
            self.chronicle.move(node.name, NodeState.BACKING_OFF)
        else:
            final = NodeState.CANCELED if canceled else NodeState.FAILED
            self.chronicle.finish(
                node.name, final, address=attempt.address, reason=f"{failure.code}: {failure.message}"
            )


def check_devices(node: PlannedNode, capacity: Resources) -> None:
    """Raise UsageError where a node asks for devices that are not there; CPUs and memory are shared instead."""
    if node.resources.gpus > capacity.gpus:
        raise UsageError(
            f"node {node.name!r} asks for {node.resources.gpus:g} GPUs, this machine has {capacity.gpus:g}"
        )
