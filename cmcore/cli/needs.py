"""What of a project is needed: runs, versions, endpoints, pins and data, gathered for `cmcore.retention.roots`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from cmcore.lineage.record import ExecutionRecord
from cmcore.registry.values import ModelVersion
from cmcore.retention.pins import PinKind
from cmcore.retention.roots import Needs, PastRun, PastVersion, Policy
from cmcore.stack import Project
from cmcore.state.runs import RunRow

ALL = 1_000_000_000
SERVED_BY = frozenset({"Deploy", "MoveTraffic"})  # executions of the lineage that no run of this project carried out


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
    served = deployed(project, policy, now)
    return Needs(
        executions=[it for it in executions if it.project != project.name or it.type_name not in SERVED_BY],
        runs=[past_run(row, live, pinned[PinKind.RUN]) for row in rows],
        versions=[
            version
            for model in project.registry.models()
            for version in past_versions(project, model.name, pinned[PinKind.VERSION], served, policy, now)
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


def deployed(project: Project, policy: Policy, now: float) -> dict[str, str]:
    """The versions that endpoints serve, by reference with the place in words, and those that a recent revision names:
    to roll an endpoint back must be possible."""
    found: dict[str, str] = {}
    for name in project.endpoints.names():
        known = {it.number: it for it in project.endpoints.deployments(name)}
        lately = [it for it in project.endpoints.revisions(name) if policy.is_young(it.at, now)]
        before = {number for revision in lately for number in revision.wanted.values()}
        present = {number for number, it in known.items() if not it.state.final}
        for number in (*sorted(before), *sorted(present)):
            until = "" if number in present else " until lately"
            for version in (known[number].version, *known[number].others):
                found[version.reference] = f"{version.reference}, deployed at {name}{until}"
    return found


def past_versions(
    project: Project, model: str, pinned: Set[str], served: Mapping[str, str], policy: Policy, now: float
) -> list[PastVersion]:
    """The versions of a model, with the names that they have, or had until lately: to go back must be possible."""
    versions = project.registry.versions(model, limit=ALL)
    newest = max((version.number for version in versions), default=None)
    left = {
        f"{model}@{move.from_version}": f"{model}@{move.alias} until lately"
        for move in project.registry.history(model)
        if move.from_version and policy.is_young(move.at, now)
    }
    return [past_version(it, it.number == newest, left, served, str(it) in pinned) for it in versions]


def past_version(
    version: ModelVersion, newest: bool, left: Mapping[str, str], served: Mapping[str, str], pinned: bool
) -> PastVersion:
    """A version as far as it matters here."""
    facts, name = version.facts, str(version)
    names = [f"{version.model}@{alias}" for alias in version.aliases]
    return PastVersion(
        version=name,
        artifact=facts.artifact,
        digest=facts.digest,
        created_at=version.created_at,
        evidence=(facts.evaluation.artifact,) if facts.evaluation and facts.evaluation.artifact else (),
        named=tuple(filter(None, [*names, "" if names else left.get(name, ""), served.get(name, "")])),
        newest=newest,
        pinned=pinned,
    )
