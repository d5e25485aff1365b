"""What of a project is needed: runs, versions, pins and data gathered for `cmcore.retention.roots`, which decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from cmcore.lineage.record import ExecutionRecord
from cmcore.registry.values import ModelVersion
from cmcore.retention.pins import PinKind
from cmcore.retention.roots import Needs, PastRun, PastVersion, Policy
from cmcore.stack import Project
from cmcore.state.runs import RunRow

ALL = 1_000_000_000


def needs_of(
    project: Project,
    executions: Sequence[ExecutionRecord],
    rows: Sequence[RunRow],
    live: Set[str],
    policy: Policy,
    now: float,
) -> Needs:
    """Everything that roots are found from."""
    pinned: dict[PinKind, set[str]] = {kind: set() for kind in PinKind}
    for pin in project.pins.list():
        pinned[pin.kind].add(pin.name)
    attached = {
        artifact.name: f"what is attached to {version.reference}"
        for version in project.datasets.versions()
        for artifact in version.attached.values()
    }
    return Needs(
        executions=executions,
        runs=[past_run(row, live, pinned[PinKind.RUN]) for row in rows],
        versions=[
            version
            for model in project.registry.models()
            for version in past_versions(project, model.name, pinned[PinKind.VERSION], policy, now)
        ],
        artifacts=attached | {name: f"{name}, pinned" for name in pinned[PinKind.ARTIFACT]},
    )


def claims(project: Project, policy: Policy, now: float) -> set[str]:
    """What versions, pins and data claim at this moment, without what runs do: versions and artifacts by name."""
    needs = needs_of(project, (), (), frozenset(), policy, now)
    roots = [version for version in needs.versions if version.root(policy, now)]
    return {name for root in roots for name in (root.version, *root.evidence)} | set(needs.artifacts)


def past_run(row: RunRow, live: Set[str], pinned: Set[str]) -> PastRun:
    """A run as far as it matters here."""
    return PastRun(run=row.run, at=last_moment(row), live=row.run in live, pinned=row.run in pinned)


def last_moment(row: RunRow) -> float:
    """When a run ended, or began."""
    return max(row.created_at, row.finished_at or 0.0)


def past_versions(project: Project, model: str, pinned: Set[str], policy: Policy, now: float) -> list[PastVersion]:
    """The versions of a model, with the names that they have, or had until lately: to go back must be possible."""
    versions = project.registry.versions(model, limit=ALL)
    newest = max((version.number for version in versions), default=None)
    left = {
        f"{model}@{move.from_version}": f"{model}@{move.alias} until lately"
        for move in project.registry.history(model)
        if move.from_version and policy.is_young(move.at, now)
    }
    return [past_version(it, it.number == newest, left, str(it) in pinned) for it in versions]


def past_version(version: ModelVersion, newest: bool, left: Mapping[str, str], pinned: bool) -> PastVersion:
    """A version as far as it matters here."""
    facts, name = version.facts, str(version)
    names = [f"{version.model}@{alias}" for alias in version.aliases]
    return PastVersion(
        version=name,
        artifact=facts.artifact,
        digest=facts.digest,
        created_at=version.created_at,
        evidence=(facts.evaluation.artifact,) if facts.evaluation and facts.evaluation.artifact else (),
        named=tuple(names) or ((left[name],) if name in left else ()),
        newest=newest,
        pinned=pinned,
    )
