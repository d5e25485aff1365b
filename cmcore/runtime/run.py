"""Runs: starting one, resuming one, and what is left when it is over. What nodes do is the driver's affair."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from pydantic import JsonValue

from cmcore.address import Address
from cmcore.components.component import Component
from cmcore.errors import NotFoundError, RunFailedError, UsageError
from cmcore.events import Event, EventKind
from cmcore.failpoint import failpoint
from cmcore.lineage.record import ArtifactRecord, RunRecord
from cmcore.pipelines.plan import Plan
from cmcore.runtime import history, recovery
from cmcore.runtime.chronicle import Progress
from cmcore.runtime.driver import Backends, Driver
from cmcore.runtime.job import Failure
from cmcore.runtime.resolve import Outputs
from cmcore.runtime.states import NodeState, RunState
from cmcore.state.holder import Holder
from cmcore.state.keeper import TTL_S, LeaseKeeper
from cmcore.state.lease import COLLECTION, Lease, Leases
from cmcore.state.runs import RunRow, Runs

Listen = Callable[[Event], None]
COLLECTION_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Where runs are kept and who may carry one out: the tables of the state database that `run` needs."""

    runs: Runs
    leases: Leases
    actor: str
    ttl_s: float = TTL_S

    def lease(self, run: str) -> Lease:
        """The right to carry a run out; to be had before it is looked at what earlier runs have published.

        While it is decided which payloads are collected nobody gets it: that is waited for.
        """
        self.leases.wait_for(COLLECTION, patience_s=COLLECTION_PATIENCE_S)
        return self.leases.acquire(f"run/{run}", Holder.this(self.actor), ttl_s=self.ttl_s, unless=COLLECTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeResult:
    """How one node of a run ended."""

    state: NodeState
    reason: str = ""
    failure: Failure | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended. `outputs` are the published artifacts by node and output."""

    run: str
    pipeline: str
    state: RunState
    nodes: Mapping[str, NodeResult]
    outputs: Mapping[str, Outputs]
    duration_s: float

    def __str__(self) -> str:
        counts = Counter(node.state for node in self.nodes.values())
        states = ", ".join(f"{count} {state}" for state, count in counts.items())
        failures = [f"\n  {name}: {it.reason}" for name, it in self.nodes.items() if it.state is NodeState.FAILED]
        return f"{self.state} {self.run} in {self.duration_s:.1f} s: {states}{''.join(failures)}"

    def check(self) -> RunResult:
        """This result; raises RunFailedError that names the failed nodes and why, unless the run succeeded."""
        if self.state is not RunState.SUCCEEDED:
            raise RunFailedError(str(self))
        return self

    def artifact(self, node: str, output: str) -> ArtifactRecord:
        """The artifact that a node published; raises NotFoundError."""
        found = self.outputs.get(node, {}).get(output, ())
        if not found:
            known = [f"{name}.{key}" for name, outputs in self.outputs.items() for key in outputs]
            raise NotFoundError(
                f"run {self.run!r} published no {node}.{output}; it has {', '.join(known) or 'nothing'}"
            )
        return found[0]

    def value(self, node: str, output: str) -> JsonValue:
        """The value of a value output; raises NotFoundError."""
        facts = self.artifact(node, output).facts
        if "value" not in facts:
            raise NotFoundError(f"{node}.{output} is an artifact without a value; take its uri")
        return facts["value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of a run beside its plan."""

    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    chosen: Collection[str] = ()
    components: Mapping[str, Component] = field(default_factory=dict)
    listen: Listen = lambda _: None
    interruptible: Callable[[Driver], AbstractContextManager[object]] = nullcontext  # catches Ctrl-C for the driver


def run_name(pipeline: str, now: float) -> str:
    """A new run's name: its pipeline, the UTC time, and eight random digits, so that no two of a second are equal."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    return f"{pipeline[:38].strip('.-_')}-{stamp}-{secrets.token_hex(4)}"


def start(plan: Plan, backends: Backends, ledger: Ledger, order: Order) -> RunResult:
    """Carry a plan out as a new run."""
    now = backends.clock()
    run = run_name(plan.pipeline, now)
    lease = ledger.lease(run)
    try:
        reused = history.reusable(plan, order.chosen, backends.lineage) if order.chosen else {}
        progress = history.fresh(plan)
        if order.chosen:
            history.leave_out(progress, plan, order.chosen, reused)
        row = new_row(plan, run, ledger.actor, now, order, {name: execution.name for name, execution in reused.items()})
        ledger.runs.create(row)
        failpoint("run-created")
        backends.lineage.open_run(run_record(row))
    except BaseException:
        ledger.leases.release(lease)
        raise
    failpoint("run-recorded")
    kind = EventKind.RUN_STARTED
    return _carried_out(plan, row, backends, ledger, order, lease=lease, progress=progress, kind=kind)


def new_row(plan: Plan, run: str, actor: str, now: float, order: Order, reused: Mapping[str, str]) -> RunRow:
    """The row of a run that starts now; `reused` are the executions whose outputs it takes over, by node."""
    facts: dict[str, JsonValue] = {
        **order.facts,
        "parameters": {key: it.model_dump(mode="json") for key, it in plan.parameters.items()},
        "source": plan.source,
    }
    return RunRow(
        run=run,
        project=plan.project,
        pipeline=plan.pipeline,
        actor=actor,
        state=RunState.RUNNING,
        created_at=now,
        finished_at=None,
        plan=plan.encoded(),
        options=json.dumps({"chosen": sorted(order.chosen), "reused": reused, "facts": facts}),
    )


def resume(run: str, backends: Backends, ledger: Ledger, order: Order, *, changed_code: bool = False) -> RunResult:
    """Go on with a run whose driver is gone or that failed: published nodes stay, the others run again.

    Raises NotFoundError, LeaseHeldError while somebody runs it, UsageError if code has changed since it was planned.
    """
    row = recorded_run(run, ledger)
    plan = Plan.model_validate_json(row.plan)
    lease = ledger.lease(run)
    try:
        backends.lineage.open_run(run_record(row))
        recovery.close_lost_attempts(plan, run, ledger.actor, backends)
        progress = recorded_progress(plan, run, row, backends)
        refuse_changes(plan, progress, order, changed_code=changed_code)
        backends.journal.append(recovery.untold(run, backends), lease=lease)
        ledger.runs.reopen(lease, run, RunState.RUNNING)
    except BaseException:
        ledger.leases.release(lease)
        raise
    kind = EventKind.RUN_RESUMED
    return _carried_out(plan, row, backends, ledger, order, lease=lease, progress=progress, kind=kind)


def run_record(row: RunRow) -> RunRecord:
    """What the lineage is told of a run; the row has all of it, so that a kill between the two loses no fact."""
    return RunRecord(
        run=row.run,
        pipeline=row.pipeline,
        project=row.project,
        actor=row.actor,
        facts=json.loads(row.options).get("facts", {}),
        created_at=row.created_at,
    )


def recorded_run(run: str, ledger: Ledger) -> RunRow:
    """The row of a run; raises NotFoundError."""
    row = ledger.runs.get(run)
    if row is None:
        raise NotFoundError(f"no run {run!r} in this project; `cm runs` lists those there are")
    return row


def recorded_plan(run: str, ledger: Ledger) -> Plan:
    """The plan that a run was started with; raises NotFoundError."""
    return Plan.model_validate_json(recorded_run(run, ledger).plan)


def recorded_progress(plan: Plan, run: str, row: RunRow, backends: Backends) -> Progress:
    """Where a run stands by its records: the lineage says what is published, the journal which attempts were made."""
    attempts: dict[str, int] = {}
    for event in backends.journal.of_run(run):
        if event.address:
            address = Address.parse(event.address)
            attempts[address.node] = max(attempts.get(address.node, 0), address.attempt)
    executions = backends.lineage.executions(run)
    progress = history.resumed(plan, executions, attempts)
    options = json.loads(row.options)
    if options["chosen"]:
        reused = {name: backends.lineage.execution(execution) for name, execution in options["reused"].items()}
        found = {name: execution for name, execution in reused.items() if execution is not None}
        history.leave_out(progress, plan, options["chosen"], found)
    return progress


def refuse_changes(plan: Plan, progress: Progress, order: Order, *, changed_code: bool) -> None:
    """Raise UsageError where going on would not be the run that was planned."""
    waiting = [node for node in plan.nodes if not progress.states[node.name].over]
    if lost := [node.name for node in waiting if node.in_process and node.name not in order.components]:
        raise UsageError(
            f"{', '.join(lost)} cannot be resumed: its code could not be imported again, so it went with its process. "
            f"Start a new run; what was published is found in the cache."
        )
    if not changed_code and (changed := history.changed_code(plan, progress)):
        raise UsageError(
            f"the code of {', '.join(changed)} has changed since this run was planned. Start a new run (what has not "
            f"changed is found in the cache), or resume with --changed-code to mix old and new."
        )


def _carried_out(
    plan: Plan,
    row: RunRow,
    backends: Backends,
    ledger: Ledger,
    order: Order,
    *,
    lease: Lease,
    progress: Progress,
    kind: EventKind,
) -> RunResult:
    """The frame of every run: lease kept, start and end journaled, everything given back."""
    run, started = row.run, backends.monotonic()
    driver = Driver(
        plan=plan, run=run, actor=ledger.actor, backends=backends, lease=lease, progress=progress,
        components=order.components, listen=order.listen,
    )  # fmt: skip
    keeper = LeaseKeeper(ledger.leases, lease, lost=driver.lose_lease, ttl_s=ledger.ttl_s)
    try:
        _journal(backends, lease, order, kind, run, told_of(plan, row))
        with order.interruptible(driver):
            state = driver.carry_out()
        failpoint("run-finishing")
        now = backends.clock()
        end = Event(kind=EventKind.RUN_FINISHED, at=now, run=run, data={"state": state})
        ledger.runs.finish(lease, run, state, now, events=[end])
        order.listen(end)
    finally:
        backends.launcher.close()
        backends.in_process.close()
        keeper.close()
    return result_of(plan, run, state, progress, backends.monotonic() - started)


def told_of(plan: Plan, row: RunRow) -> dict[str, JsonValue]:
    """What is told of a run that starts or goes on."""
    nodes: list[JsonValue] = [node.name for node in plan.nodes]
    facts = json.loads(row.options).get("facts", {})
    known = {key: facts[key] for key in ("parameters", "source", "code_version", "argv") if key in facts}
    digest = hashlib.sha256(json.dumps(facts.get("environment"), sort_keys=True).encode()).hexdigest()
    return {
        "pipeline": plan.pipeline,
        "project": plan.project,
        "actor": row.actor,
        "nodes": nodes,
        "environment_digest": f"sha256:{digest}",
        **known,
    }


def _journal(
    backends: Backends, lease: Lease, order: Order, kind: EventKind, run: str, data: dict[str, JsonValue]
) -> None:
    event = Event(kind=kind, at=backends.clock(), run=run, data=data)
    backends.journal.append([event], lease=lease)
    order.listen(event)


def result_of(plan: Plan, run: str, state: RunState, progress: Progress, duration_s: float) -> RunResult:
    """The result of a run that is over."""
    return RunResult(
        run=run,
        pipeline=plan.pipeline,
        state=state,
        nodes={
            name: NodeResult(
                state=node_state,
                reason=progress.reasons.get(name, ""),
                failure=progress.failures.get(name) if not node_state.published else None,
                attempt=progress.attempts.get(name, 0),
            )
            for name, node_state in progress.states.items()
        },
        outputs={name: dict(outputs) for name, outputs in progress.published.items()},
        duration_s=duration_s,
    )
