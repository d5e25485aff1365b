"""From a resolved node to the job that an executor's process understands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cmcore.address import Address
from cmcore.lineage.record import ArtifactRecord
from cmcore.pipelines.plan import NodeKind, Plan, PlannedNode
from cmcore.runtime.job import Given as GivenArtifact
from cmcore.runtime.job import Job, Storage
from cmcore.runtime.resolve import Given

LITERAL = "cmcore.runtime.jobs:literal"


def job_of(
    plan: Plan,
    address: Address,
    node: PlannedNode,
    given: Given,
    *,
    storage: Storage,
    scratch: Path,
    system_metrics_s: float = 0.0,
) -> Job:
    """One attempt, complete."""
    return Job(
        address=str(address),
        executor=LITERAL if node.kind is NodeKind.LITERAL else node.spec.executor,
        spec=node.spec,
        inputs={
            key: [given_artifact(artifact, node.spec.inputs[key].type) for artifact in found]
            for key, found in given.inputs.items()
        },
        parameters=dict(given.parameters),
        storage=storage,
        roots=plan.roots,
        work_dir=str(scratch / str(address)),
        memory_mib=node.resources.memory_mib,
        system_metrics_s=system_metrics_s,
        imported=imported_uri(str(given.parameters["uri"]), plan.roots) if node.kind is NodeKind.IMPORTER else "",
    )


def given_artifact(artifact: ArtifactRecord, declared: str) -> GivenArtifact:
    """A recorded artifact for another process; one that other tools recorded has the type that is declared."""
    return GivenArtifact(
        type=str(artifact.facts.get("type", declared)),
        name=artifact.name,
        uri=artifact.uri,
        digest=artifact.digest,
        properties=dict(artifact.properties),
        custom=dict(artifact.custom),
        imported=bool(artifact.facts.get("imported")),
    )


def imported_uri(text: str, roots: Sequence[str]) -> str:
    """A URI as it stands; a plain path as the file URL of that path in the project's folder, the first root."""
    return text if "://" in text else Path(*roots[:1], text).absolute().as_uri()


def literal(given: object) -> dict[str, object]:
    """The executor of a value that stands where an artifact is read."""
    return {"value": given}
