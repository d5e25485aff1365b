"""Waste of one project: gathered in the order that keeps live runs safe, and cleared.

Which payloads may go is decided in `cmcore.storage.collect` (what no record names) and `cmcore.retention` (what no root
needs any more).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from cmcore.cli.needs import ALL, claims, last_moment, needs_of
from cmcore.errors import LeaseHeldError, OutdatedError
from cmcore.lineage.record import ExecutionRecord
from cmcore.retention.collection import Collector
from cmcore.retention.roots import DAY_S, Policy, kept
from cmcore.retention.verdicts import Verdict, verdicts
from cmcore.stack import Project
from cmcore.state.holder import Holder
from cmcore.state.journal import Journal
from cmcore.state.keeper import LeaseKeeper
from cmcore.state.lease import COLLECTION
from cmcore.storage.attempts import AttemptFolder
from cmcore.storage.collect import abandoned, garbage
from cmcore.storage.location import local_path

T = TypeVar("T")
Kind = Literal["unrecorded", "expired", "left behind", "scratch", "data"]


class Watch(Protocol):
    """Passes things on one by one, and shows how far it has got."""

    def __call__(self, items: Sequence[T], label: str, /) -> Iterator[T]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for: `expired`, recorded payloads too that the policy lets go; `spare_runs`, so many of the newest
    runs are left alone altogether."""

    expired: bool = False
    spare_runs: int = 0
    policy: Policy = field(default_factory=Policy)

    @property
    def text(self) -> str:
        """The policy in a few words, for tombstones."""
        policy = self.policy
        upstream = "" if policy.keep_upstream else ", and nothing that versions were made from"
        return f"who kept the newest {policy.keep_runs} runs and {policy.keep_days:g} days{upstream}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that may go; `run` is empty for what belongs to none, `verdict` is there for recorded payloads."""

    kind: Kind
    uri: str
    run: str
    size_bytes: int
    reason: str
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waste:
    """What may go, the recorded payloads that stay, and the runs that are being carried out."""

    items: tuple[Item, ...]
    kept: tuple[Verdict, ...] = ()
    live_runs: tuple[str, ...] = ()


def found_waste(project: Project, order: Order, watch: Watch) -> Waste:
    """What may go now; nothing is changed.

    Only payloads of runs of this project are looked at: a root may be shared with others, whose records are elsewhere.
    """
    now = time.time()
    found = list(project.payloads.attempts())
    scratch = sorted((project.home / "scratch").glob("*"))
    rows = project.ledger.runs.list(limit=ALL)
    live = live_runs(project)
    executions = all_executions(project, watch)
    policy = order.policy
    roots = kept(needs_of(project, executions, rows, live, policy, now), policy, now) if order.expired else {}
    judged = verdicts(found, executions, roots, {row.run: now - last_moment(row) for row in rows})
    own = [attempt for attempt in found if attempt.run in {row.run for row in rows}]
    spared = live | {row.run for row in rows[: order.spare_runs]}
    before = min([now - DAY_S, *(row.created_at for row in rows if row.run in live)])
    items = [
        *(recorded_item(it) for it in judged if it.buried or (order.expired and not it.kept_by)),
        *unrecorded_items(own, executions, spared),
        *(scratch_item(folder, folder.name) for folder in scratch if folder.name not in live),
        *(scratch_item(folder, "") for folder in abandoned(Path(project.storage.cache), before=before)),
        *data_items(project),
    ]
    stays = tuple(verdict for verdict in judged if verdict.kept_by)
    return Waste(items=tuple(items), kept=stays, live_runs=tuple(sorted(live)))


def cleared(project: Project, order: Order, watch: Watch) -> Waste:
    """Delete what may go; what was deleted. Raises LeaseHeldError where `expired` is asked for while runs go on.

    Killed at any point it is simply done again.
    """
    collector = Collector(
        lineage=project.lineage,
        journal=Journal(project.database),
        payloads=project.payloads,
        actor=project.actor,
        by=f"collected by {project.actor}, {order.text}",
        clock=time.time,
    )
    if order.expired:
        with alone(project, order.policy) as still:
            chosen = found_waste(project, order, watch)
            collector.bury([it.verdict for it in chosen.items if it.verdict], still=still)
    else:
        chosen = found_waste(project, order, watch)
        collector.bury([it.verdict for it in chosen.items if it.verdict], still=nothing)
    by_run = [list(group) for _, group in groupby(sorted(chosen.items, key=run_of), key=run_of)]
    gone = [item for group in watch(by_run, "deleting") for item in deleted(project, collector, group)]
    return Waste(items=tuple(gone), kept=chosen.kept, live_runs=chosen.live_runs)


@contextmanager
def alone(project: Project, policy: Policy) -> Iterator[Callable[[], None]]:
    """The time in which it is decided what goes: no run is carried out, and nobody starts one, pins or names anything.

    Gives a call that raises LeaseLostError should that no longer be so, and OutdatedError where a version, a pin or
    data has come to need something all the same.
    """
    leases = project.ledger.leases
    lease = leases.acquire(COLLECTION, Holder.this(project.actor), ttl_s=project.ledger.ttl_s)
    keeper = LeaseKeeper(leases, lease, lost=nothing, ttl_s=project.ledger.ttl_s)
    try:
        if runs := sorted(live_runs(project)):
            raise LeaseHeldError(
                f"{'a run is' if len(runs) == 1 else f'{len(runs)} runs are'} being carried out ({', '.join(runs[:3])}"
                f"{', ...' if len(runs) > 3 else ''}) and may come to need what has expired. Nothing was deleted; try "
                "again when it is over. What no record names can go at any time: cm gc --delete"
            )
        before = claims(project, policy, time.time())

        def still() -> None:
            leases.renew(lease)
            if new := sorted(claims(project, policy, time.time()) - before):
                raise OutdatedError(
                    f"while it was decided what goes, something came to be needed: {', '.join(new[:3])}. What is not "
                    "recorded as deleted by now stays; look again: cm gc --expired"
                )

        yield still
    finally:
        keeper.close()


def nothing(*_: object) -> None:
    """Nothing is to be done: that a lease is lost, its renewal says as well."""


def live_runs(project: Project) -> set[str]:
    """The runs that somebody carries out."""
    return {name.removeprefix("run/") for name in project.ledger.leases.held("run/")}


def all_executions(project: Project, watch: Watch) -> list[ExecutionRecord]:
    """Every execution in the lineage, of other projects too."""
    runs = project.lineage.runs(limit=ALL)
    return [each for run in watch(runs, "reading the lineage") for each in project.lineage.executions(run.run)]


def recorded_item(verdict: Verdict) -> Item:
    """A recorded payload that may go."""
    return Item(
        kind="left behind" if verdict.buried else "expired",
        uri=verdict.uri,
        run=verdict.run,
        size_bytes=verdict.size_bytes,
        reason=verdict.reason,
        verdict=verdict,
    )


def unrecorded_items(
    found: Sequence[AttemptFolder], executions: Sequence[ExecutionRecord], spared: Set[str]
) -> list[Item]:
    """Payloads that no record names, not even as deleted."""
    recorded = {edge.artifact.uri for execution in executions for edge in execution.outputs}
    return [
        Item(kind="unrecorded", uri=it.uri, run=it.run, size_bytes=it.size_bytes, reason=it.reason)
        for it in garbage(found, recorded, spared)
    ]


def scratch_item(folder: Path, run: str) -> Item:
    """What a process that was killed worked in: for an attempt of a run, or for an upload or a download."""
    size = sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())
    reason = "scratch files of attempts that are over" if run else "half an upload or a download"
    return Item(kind="scratch", uri=folder.as_uri(), run=run, size_bytes=size, reason=reason)


def data_items(project: Project) -> list[Item]:
    """What killed snapshots have left, as one."""
    found = project.datasets.garbage()
    if not found:
        return []
    uri, _, _ = found[0][0].rpartition("/")
    reason = f"{len(found)} files that snapshots left which were killed"
    return [Item(kind="data", uri=uri, run="", size_bytes=sum(size for _, size in found), reason=reason)]


def run_of(item: Item) -> str:
    """Whose lease protects it."""
    return item.run


def deleted(project: Project, collector: Collector, group: Sequence[Item]) -> Sequence[Item]:
    """Delete what belongs to one run under its lease, so that nobody resumes it meanwhile; nothing where it is held."""
    lease = None
    leases, run = project.ledger.leases, group[0].run
    try:
        if run:
            lease = leases.acquire(f"run/{run}", Holder.this(project.actor), ttl_s=project.ledger.ttl_s)
        for item in group:
            delete(project, collector, item)
    except LeaseHeldError:
        return ()
    finally:
        if lease is not None:
            leases.release(lease)
    return group


def delete(project: Project, collector: Collector, item: Item) -> None:
    """Delete one thing."""
    if item.verdict is not None:
        collector.delete(item.verdict)
    elif item.kind == "unrecorded":
        project.payloads.remove(item.uri)
    elif item.kind == "scratch":
        shutil.rmtree(local_path(item.uri), ignore_errors=True)
    else:
        project.datasets.collect()
