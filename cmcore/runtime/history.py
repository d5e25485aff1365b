"""What a run, or a part of one, starts from: outputs that earlier attempts or runs have published. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from cmcore.address import Address
from cmcore.components.code.closure import code_digest
from cmcore.components.code.reference import CodeRef
from cmcore.errors import UsageError
from cmcore.lineage.record import ExecutionRecord, ExecutionState
from cmcore.lineage.store import LineageStore
from cmcore.pipelines.plan import NodeKind, Plan, upstream
from cmcore.runtime.chronicle import Progress
from cmcore.runtime.publish import by_key
from cmcore.runtime.resolve import Outputs
from cmcore.runtime.states import NodeState

LOOKED_AT = 1000  # executions of one node, newest first, of which one may be reused


def fresh(plan: Plan) -> Progress:
    """Every node waits."""
    return Progress(states={node.name: NodeState.WAITING for node in plan.nodes})


def reusable(plan: Plan, chosen: Collection[str], lineage: LineageStore) -> dict[str, ExecutionRecord]:
    """The newest published execution of each node that the chosen ones need and that is not among them.

    Raises UsageError that names the nodes which were never published.
    """
    needed = upstream(plan, chosen) - set(chosen)
    names = [node.name for node in plan.nodes if node.name in needed and node.kind is not NodeKind.LITERAL]
    found = {
        name: newest_published(
            execution
            for execution in lineage.node_executions(plan.pipeline, name, limit=LOOKED_AT)
            if execution.project == plan.project
        )
        for name in names
    }
    if missing := [name for name, earlier in found.items() if earlier is None]:
        raise UsageError(
            f"{', '.join(missing)} must have run before, because {', '.join(sorted(chosen))} needs what it writes; "
            f"no earlier run of pipeline {plan.pipeline!r} published it. Run without --only or --from first."
        )
    return {name: earlier for name, earlier in found.items() if earlier is not None}


def leave_out(progress: Progress, plan: Plan, chosen: Collection[str], reused: Mapping[str, ExecutionRecord]) -> None:
    """Only the chosen nodes and the literals that they need wait; the reused ones are published, the others skipped."""
    literals = {node.name for node in plan.nodes if node.kind is NodeKind.LITERAL} & upstream(plan, chosen)
    for name in progress.states:
        if name in reused:
            progress.states[name], progress.reasons[name] = NodeState.REUSED, f"reused from {reused[name].name}"
            progress.published[name] = by_key(reused[name])
        elif name not in chosen and name not in literals:
            progress.states[name], progress.reasons[name] = NodeState.SKIPPED, "not asked for"


def newest_published(executions: Iterable[ExecutionRecord]) -> ExecutionRecord | None:
    """The first one of executions that are newest first whose outputs can be read."""
    return next((it for it in executions if it.state.published and not it.has_deleted_output), None)


def resumed(plan: Plan, executions: Iterable[ExecutionRecord], last_attempts: Mapping[str, int]) -> Progress:
    """The progress of a run that was killed: what is published and still there stays, everything else waits again."""
    progress = fresh(plan)
    progress.attempts.update(last_attempts)
    published: dict[str, Outputs] = {}
    for execution in executions:
        address = Address.parse(execution.name)
        progress.attempts[address.node] = max(progress.attempts.get(address.node, 0), address.attempt)
        if execution.state.published and not execution.has_deleted_output and address.node in progress.states:
            cached = execution.state is ExecutionState.CACHED
            progress.states[address.node] = NodeState.CACHED if cached else NodeState.COMPLETE
            published[address.node] = by_key(execution)
    progress.published.update(published)
    return progress


def changed_code(plan: Plan, progress: Progress) -> list[str]:
    """The nodes that have yet to run and whose code is no longer the plan's."""
    roots = [Path(root) for root in plan.roots]
    changed = []
    for node in plan.nodes:
        if progress.states[node.name].over or node.code is None:
            continue
        now = " ".join(code_digest(CodeRef(it), roots=roots).digest for it in node.code.references)
        if now != node.code.digest:
            changed.append(node.name)
    return changed
