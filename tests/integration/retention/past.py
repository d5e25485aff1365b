"""A project with a past, written straight into its stores: many old runs, a recent one that lives on an old result."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cmcore.address import Address
from cmcore.events import EventKind
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState, RunRecord
from cmcore.stack import Project
from cmcore.state.journal import Journal
from cmcore.state.runs import RunRow
from cmcore.storage.verify import VerifyMode

DAY_S = 86_400.0
COMMAND = [sys.executable, "-m", "cmcore.cli.main", "gc", "--expired", "--keep-runs", "0", "--delete"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("CM_")}
SHARED = "old-0/n0/1/data/0"


def opened(folder: Path) -> Project:
    """The project, with no settings but the defaults."""
    return Project(folder, environment={})


def make(folder: Path) -> None:
    """An old run, and a young one that was served the old one's result."""
    with opened(folder) as project:
        begin(project, "old-0", age_s=100 * DAY_S)
        publish(project, Address(run="old-0", node="n0"))
        begin(project, "young-0", age_s=60.0)
        publish(project, Address(run="young-0", node="n1"))
        shared = project.lineage.artifact(SHARED)
        assert shared is not None
        project.lineage.commit(execution(Address(run="young-0", node="n0"), ExecutionState.CACHED, shared))


def grow(folder: Path, *, runs: range, nodes: int) -> None:
    """More old runs, of so many payloads each, none of which anybody needs."""
    with opened(folder) as project:
        for number in runs:
            begin(project, f"old-{number}", age_s=100 * DAY_S)
            for node in range(nodes):
                publish(project, Address(run=f"old-{number}", node=f"n{node}"))


def begin(project: Project, run: str, *, age_s: float) -> None:
    """A run that ended in its time."""
    at = time.time() - age_s
    row = RunRow(
        run=run, project=project.name, pipeline="p", actor="ada", state="SUCCEEDED", created_at=at, finished_at=at,
        plan="{}", options="{}",
    )  # fmt: skip
    project.ledger.runs.create(row)
    project.lineage.open_run(RunRecord(run=run, pipeline="p", project=project.name))


def publish(project: Project, address: Address) -> None:
    """A sealed payload and its record."""
    output = project.payloads.output(address, "data")
    with output.open("rows.txt", "w") as stream:
        stream.write(f"{address}\n" * 20)
    (output.path / "more").mkdir()
    (output.path / "more" / "rows.txt").write_text(str(address))
    digest = output.seal().digest
    made = ArtifactRecord(name=f"{address}/data/0", type_name="Files", uri=output.uri, digest=digest)
    project.lineage.commit(execution(address, ExecutionState.COMPLETE, made))


def execution(address: Address, state: ExecutionState, artifact: ArtifactRecord) -> ExecutionRecord:
    """An ended execution with one output."""
    return ExecutionRecord(
        name=str(address), type_name="write", state=state, project="project", pipeline="p", run=address.run,
        node=address.node, outputs=(Edge(key="data", index=0, artifact=artifact),),
    )  # fmt: skip


def collect(folder: Path, *, failpoint: str = "", after_s: float = 30.0) -> int:
    """Run `cm gc --expired --delete`, killed at a failpoint or after a time; how it ended."""
    process = subprocess.Popen(
        COMMAND,
        cwd=folder,
        env=ENVIRONMENT | {"CM_FAILPOINT": failpoint},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _, said = process.communicate(timeout=after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        _, said = process.communicate()
    assert process.returncode in (0, -9), said
    return process.returncode


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is there: artifacts recorded as live, those whose bytes are whole, those that roots need, what was told."""

    live: frozenset[str]
    whole: frozenset[str]
    needed: frozenset[str]
    told: tuple[str, ...]
    payloads: int

    @property
    def broken_promises(self) -> frozenset[str]:
        """Records of a live payload that is gone, and payloads that were needed and are gone."""
        return (self.live - self.whole) | (self.needed - (self.live & self.whole))


def look(folder: Path) -> Found:
    """The project as it is, its bytes digested."""
    with opened(folder) as project:
        artifacts = {it.name: it for it in recorded(project)}
        events = Journal(project.database).read(limit=100_000)
        return Found(
            live=frozenset(name for name, it in artifacts.items() if not it.deleted),
            whole=frozenset(name for name, it in artifacts.items() if is_whole(project, it)),
            needed=frozenset({SHARED, "young-0/n1/1/data/0"}),
            told=tuple(str(it.data["uri"]) for it in events if it.kind is EventKind.PAYLOAD_DELETED),
            payloads=sum(len(attempt.payloads) for attempt in project.payloads.attempts()),
        )


def recorded(project: Project) -> Iterator[ArtifactRecord]:
    """All artifacts."""
    for run in project.lineage.runs(limit=10_000):
        for each in project.lineage.executions(run.run):
            yield from (edge.artifact for edge in each.outputs)


def is_whole(project: Project, artifact: ArtifactRecord) -> bool:
    """Whether the bytes are what was recorded."""
    return project.payloads.verify(artifact.uri, artifact.digest, VerifyMode.DIGEST).ok
