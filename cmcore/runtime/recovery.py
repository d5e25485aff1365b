"""What a driver that died left undone: attempts that are still open, ends that were recorded and not journaled.

How a resumed run goes on from there is the affair of `run`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from pydantic import JsonValue

from cmcore.address import Address
from cmcore.errors import ConflictError
from cmcore.events import Event, EventKind
from cmcore.lineage.record import ExecutionRecord, ExecutionState
from cmcore.pipelines.plan import Plan
from cmcore.runtime import publish
from cmcore.runtime.driver import Backends
from cmcore.runtime.job import Failure, FailureCode
from cmcore.runtime.resolve import Given
from cmcore.runtime.states import NodeState


def close_lost_attempts(plan: Plan, run: str, actor: str, backends: Backends) -> None:
    """Attempts that a dead driver left open have failed: their workers died with it.

    To be done before anybody asks what is published: a driver that was only asleep finds its attempts closed when it
    wakes, those too that it had journaled and not begun, and can publish nothing beside the one who took over.
    """
    failure = Failure(code=FailureCode.LOST, message="its driver died before it ended")
    for attempt in open_attempts(plan, run, actor, backends):
        if backends.launcher.find(attempt.name):
            backends.launcher.kill(attempt.name)  # it outlived its driver, as a container or a Ray task may
        record = publish.failed(replace(attempt, actor=actor), failure, backends.clock(), ExecutionState.FAILED)
        with suppress(ConflictError):  # published by the sleeper in this very moment: then it counts
            backends.lineage.commit(record)


def open_attempts(plan: Plan, run: str, actor: str, backends: Backends) -> list[ExecutionRecord]:
    """The attempts of a run that were submitted and have no end."""
    recorded = {execution.name: execution for execution in backends.lineage.executions(run)}
    begun = [execution for execution in recorded.values() if execution.state is ExecutionState.RUNNING]
    recorder = publish.Recorder(plan=plan, run=run, actor=actor)
    nodes = {node.name: node for node in plan.nodes}
    for event in backends.journal.of_run(run):
        if event.kind is EventKind.ATTEMPT_SUBMITTED and event.address not in recorded:
            address = Address.parse(event.address)
            begun.append(recorder.begun(address, nodes[address.node], Given(), backends.clock(), {}, ""))
    return begun


def untold(run: str, backends: Backends) -> list[Event]:
    """What the journal misses of published nodes: a driver died between the record and the events."""
    told = {event.node for event in backends.journal.of_run(run) if tells_of_publication(event)}
    return [
        event
        for execution in backends.lineage.executions(run)
        if execution.state.published and execution.node not in told
        for event in publication(execution, execution.finished_at or backends.clock())
    ]


def publication(execution: ExecutionRecord, at: float) -> list[Event]:
    """The events of a node's publication, as its own driver would have journaled them."""
    facts: list[tuple[EventKind, dict[str, JsonValue]]] = [
        *((EventKind.ARTIFACT_PUBLISHED, artifact) for artifact in publish.new_artifacts(execution)),
        (EventKind.NODE_FINISHED, {"state": execution.state, **publish.told_of(execution)}),
    ]
    return [
        Event(kind=kind, at=at, run=execution.run, node=execution.node, address=execution.name, data=data)
        for kind, data in facts
    ]


def tells_of_publication(event: Event) -> bool:
    """Whether an event says that a node's outputs can be read."""
    return event.kind is EventKind.NODE_FINISHED and NodeState(str(event.data["state"])).published
