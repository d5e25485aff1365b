"""Garbage of one project: its roots gathered in the order that keeps live runs safe, and the choice carried out.

Which payloads are garbage is decided in `cmcore.storage.collect`.
"""

from __future__ import annotations

from collections.abc import Iterator

from cmcore.errors import LeaseHeldError
from cmcore.stack import Project
from cmcore.state.holder import Holder
from cmcore.storage.collect import Garbage, collect, garbage

RUNS_MAX = 1_000_000


def collected(project: Project, *, keep_runs: int, dry_run: bool) -> tuple[list[Garbage], int]:
    """What may go, and the bytes that are (or would be) free.

    Only runs of this project are looked at: a root may be shared with others, whose records are elsewhere.
    """
    everything = list(project.payloads.attempts())
    known = {row.run for row in project.ledger.runs.list(limit=RUNS_MAX)}
    found = [attempt for attempt in everything if attempt.run in known]
    kept = spared_runs(project, keep_runs)
    recorded = set(recorded_uris(project))
    chosen = garbage(found, recorded, kept)
    if dry_run:
        return chosen, collect(project.payloads, chosen, dry_run=True)
    deleted = [item for run in dict.fromkeys(item.run for item in chosen) for item in removed(project, run, chosen)]
    return deleted, sum(item.size_bytes for item in deleted)


def spared_runs(project: Project, keep_runs: int) -> set[str]:
    """The runs that somebody carries out, and the newest ones."""
    ledger = project.ledger
    rows = ledger.runs.list(limit=RUNS_MAX)
    live = {row.run for row in rows if ledger.leases.holder(f"run/{row.run}") is not None}
    return live | {row.run for row in rows[:keep_runs]}


def recorded_uris(project: Project) -> Iterator[str]:
    """Where every recorded output of every run lies."""
    for run in project.lineage.runs(limit=RUNS_MAX):
        for execution in project.lineage.executions(run.run):
            yield from (edge.artifact.uri for edge in execution.outputs)


def removed(project: Project, run: str, chosen: list[Garbage]) -> list[Garbage]:
    """Delete the garbage of one run under its lease, so that nobody resumes it meanwhile; nothing where it is held."""
    leases = project.ledger.leases
    try:
        lease = leases.acquire(f"run/{run}", Holder.this(project.actor), ttl_s=project.ledger.ttl_s)
    except LeaseHeldError:
        return []
    try:
        own = [item for item in chosen if item.run == run]
        collect(project.payloads, own, dry_run=False)
    finally:
        leases.release(lease)
    return own
