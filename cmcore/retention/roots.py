"""Which artifacts somebody still needs, and which root needs them: a pure function of records, versions and pins.

A root is a run (live, recent or pinned), a version (aliased, deployed, newest, new or pinned) or a pinned artifact. A
run needs everything that its executions read and wrote, also what they took from the cache. A version needs its model,
the evidence about it and, by policy, everything that it was made from. Nothing is read or deleted here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cmcore.lineage.record import ArtifactRecord, ExecutionRecord, ExecutionState
from cmcore.lineage.walk import identity, names_read_by

DAY_S = 86_400.0
EVIDENCE = (
    "ModelEvaluation", "ModelBlessing", "InfraBlessing", "RegisteredModel", "Schema", "ExampleStatistics",
    "ExampleAnomalies",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is recent: the newest runs, and what is younger than so many days. `keep_upstream`: a version also keeps
    what its model was made from."""

    keep_runs: int = 20
    keep_days: float = 30.0
    keep_upstream: bool = True

    def is_young(self, at: float, now: float) -> bool:
        """Whether something of that time counts as recent by its age."""
        return now - at < self.keep_days * DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One run of this project; `at` is when it began or, later, ended."""

    run: str
    at: float
    live: bool = False
    pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PastVersion:
    """One version of a model, as far as it matters here; `named` are its aliases, and where it is deployed."""

    version: str
    artifact: str
    digest: str
    created_at: float
    evidence: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    newest: bool = False
    pinned: bool = False

    def root(self, policy: Policy, now: float) -> str:
        """Why the version is kept, in words; empty where it is not."""
        if self.named:
            return ", ".join(self.named)
        if self.pinned:
            return f"{self.version}, pinned"
        if self.newest:
            return f"{self.version}, the newest version"
        return f"{self.version}, registered lately" if policy.is_young(self.created_at, now) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Everything that roots are found from. `runs` are newest first; `artifacts` are kept for the reason given;
    executions may be of other projects too, which keep what they use."""

    executions: Sequence[ExecutionRecord]
    runs: Sequence[PastRun] = ()
    versions: Sequence[PastVersion] = ()
    artifacts: Mapping[str, str] = field(default_factory=dict)


def kept(needs: Needs, policy: Policy, now: float) -> dict[str, str]:
    """Every artifact that a root needs, by name, with that root in words; versions come first, then pins, then runs."""
    graph = Graph.of(needs.executions)
    found: dict[str, str] = {}
    for name, root in (*_by_versions(needs, graph, policy, now), *_by_name(needs, graph, policy)):
        found.setdefault(name, root)
    for name, root in _by_runs(needs, policy, now):
        found.setdefault(name, root)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The lineage as this package walks it: artifacts by name, who made each first, and who read it."""

    artifacts: Mapping[str, ArtifactRecord]
    maker: Mapping[str, ExecutionRecord]
    readers: Mapping[str, Sequence[ExecutionRecord]]
    by_digest: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, executions: Iterable[ExecutionRecord]) -> Graph:
        """The graph of these executions."""
        artifacts: dict[str, ArtifactRecord] = {}
        maker: dict[str, ExecutionRecord] = {}
        readers: dict[str, list[ExecutionRecord]] = defaultdict(list)
        by_digest: dict[str, list[str]] = defaultdict(list)
        for execution in executions:
            artifacts |= {identity(edge.artifact): edge.artifact for edge in execution.inputs}
            for name in names_read_by(execution):
                readers[name].append(execution)
            for artifact in written_by(execution):
                artifacts.setdefault(identity(artifact), artifact)
                if execution.state is ExecutionState.COMPLETE and not execution.internal:
                    maker.setdefault(identity(artifact), execution)
        for name, artifact in artifacts.items():
            by_digest[artifact.digest].append(name)
        return cls(artifacts=artifacts, maker=maker, readers=readers, by_digest=by_digest)

    def evidence(self, name: str) -> Iterator[str]:
        """What tells about an artifact: what was written beside it, and evidence that its maker read or that was made
        from it."""
        maker = self.maker.get(name)
        if maker:
            yield from map(identity, written_by(maker))
            read = (self.artifacts.get(read) for read in names_read_by(maker))
            yield from (identity(it) for it in read if it and is_evidence(it))
        for reader in self.readers.get(name, ()):
            yield from (identity(it) for it in written_by(reader) if is_evidence(it))

    def upstream(self, name: str) -> Iterator[str]:
        """What an artifact was made from, however far away."""
        waiting, seen = [name], {name}
        while waiting:
            maker = self.maker.get(waiting.pop())
            for found in names_read_by(maker) if maker else ():
                if found not in seen:
                    seen.add(found)
                    waiting.append(found)
                    yield found


def _by_versions(needs: Needs, graph: Graph, policy: Policy, now: float) -> Iterator[tuple[str, str]]:
    for version in needs.versions:
        if root := version.root(policy, now):
            # a store can be swapped under the registry: then the same bytes are the model
            known = (
                [version.artifact] if version.artifact in graph.artifacts else graph.by_digest.get(version.digest, ())
            )
            for name in known:
                yield from _with_context(name, root, graph, policy)
            yield from ((name, f"evidence of {root}") for name in version.evidence)


def _by_name(needs: Needs, graph: Graph, policy: Policy) -> Iterator[tuple[str, str]]:
    for name, root in needs.artifacts.items():
        yield from _with_context(name, root, graph, policy)


def _with_context(name: str, root: str, graph: Graph, policy: Policy) -> Iterator[tuple[str, str]]:
    yield name, root
    yield from ((each, f"evidence of {root}") for each in graph.evidence(name))
    if policy.keep_upstream:
        yield from ((each, f"upstream of {root}") for each in graph.upstream(name))


def _by_runs(needs: Needs, policy: Policy, now: float) -> Iterator[tuple[str, str]]:
    known = {run.run: _root_of(run, place, policy, now) for place, run in enumerate(needs.runs)}
    for execution in needs.executions:
        stranger = f"run {execution.run} of project {execution.project}"
        if root := known.get(execution.run, stranger):
            yield from ((name, root) for name in (*names_read_by(execution), *map(identity, written_by(execution))))


def _root_of(run: PastRun, place: int, policy: Policy, now: float) -> str:
    """Why a run keeps what it used, in words; empty where it does not."""
    if run.live:
        return f"run {run.run}, which is being carried out"
    if run.pinned:
        return f"run {run.run}, pinned"
    if place < policy.keep_runs:
        return f"run {run.run}, one of the newest {policy.keep_runs}"
    return f"run {run.run}, younger than {policy.keep_days:g} days" if policy.is_young(run.at, now) else ""


def written_by(execution: ExecutionRecord) -> Iterator[ArtifactRecord]:
    """The artifacts that an execution wrote, or was served."""
    return (edge.artifact for edge in execution.outputs)


def is_evidence(artifact: ArtifactRecord) -> bool:
    """Whether an artifact says something about models or data, and is small."""
    return any(artifact.is_a(type_name) for type_name in EVIDENCE)
