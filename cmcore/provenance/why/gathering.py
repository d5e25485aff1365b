"""Gathering what an explanation is made of: registry, lineage, a quick look at data. The value is `explanation`'s."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cmcore.components.code.environment import Environment
from cmcore.filters.syntax import Comparator, Comparison, Field
from cmcore.lineage.record import ArtifactRecord
from cmcore.lineage.store import LineageStore
from cmcore.provenance.origin import ancestry
from cmcore.provenance.why.deployed import deployed
from cmcore.provenance.why.explanation import (
    DataSource,
    Explanation,
    Records,
    Reproduction,
    Standing,
    promotions,
    training_of,
    uses_of,
)
from cmcore.provenance.why.infra import infra_refusal
from cmcore.registry.names import Reference
from cmcore.registry.store import Registry
from cmcore.serving.store import Endpoints
from cmcore.serving.values import Deployment
from cmcore.storage.location import is_local, local_path

SLACK_S = 2.0  # file systems and databases round times differently


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where to ask; `reproductions` is the folder with their reports, `now` the environment of today."""

    lineage: LineageStore
    registry: Registry
    reproductions: Path
    now: Environment


def version_meant(text: str, registry: Registry) -> Reference | None:
    """The reference that a text is: `model@...`, or the name of a model; None where it must name an artifact."""
    if "/" in text or ":" in text:
        return None
    if "@" in text or text in {model.name for model in registry.models()}:
        return Reference.parse(text)
    return None


def of_version(reference: Reference, sources: Sources) -> Explanation:
    """The explanation of a registered version; raises NotFoundError."""
    version = sources.registry.version(reference)
    exact = version.reference
    records = Records(
        model=sources.registry.model(version.model),
        version=version,
        moves=promotions(sources.registry.history(version.model), version),
        approvals=tuple(sources.registry.approvals(exact)),
        notes=(*sources.registry.notes(Reference(model=version.model)), *sources.registry.notes(exact)),
        links=(*sources.registry.links(Reference(model=version.model)), *sources.registry.links(exact)),
        infra_refusal=infra_refusal(version.facts, sources.lineage),
    )
    name = version.facts.artifact
    artifact = sources.lineage.artifact(name) if name else None
    return _explained(str(reference), artifact, records, sources)


def of_deployment(asked: str, deployment: Deployment, endpoints: Endpoints, sources: Sources) -> Explanation:
    """The explanation of a deployment, and of the version that it serves; raises NotFoundError."""
    version = of_version(Reference.parse(deployment.version.reference), sources)
    return replace(version, asked=asked, deployed=deployed(deployment, endpoints, sources.lineage))


def of_artifact(asked: str, artifact: ArtifactRecord, sources: Sources) -> Explanation:
    """The explanation of any recorded artifact."""
    return _explained(asked, artifact, None, sources)


def _explained(asked: str, artifact: ArtifactRecord | None, records: Records | None, sources: Sources) -> Explanation:
    if artifact is None:
        return Explanation(asked=asked, artifact=None, records=records)
    found = ancestry(sources.lineage, artifact)
    training = training_of(found, sources.lineage.run(found.maker.run) if found.maker else None, sources.now)
    return Explanation(
        asked=asked,
        artifact=artifact,
        records=records,
        versions=versions_of(artifact, sources.registry),
        training=training,
        data=tuple(looked_at(each) for each in found.data),
        uses=uses_of(sources.lineage.consumers(artifact)),
        reproductions=tuple(reproductions(sources.reproductions, training.run)) if training else (),
    )


def versions_of(artifact: ArtifactRecord, registry: Registry) -> tuple[str, ...]:
    """The versions that have exactly these bytes."""
    same = Comparison(field=Field(group="", name="digest"), comparator=Comparator.EQUAL, values=(artifact.digest,))
    return tuple(map(str, registry.versions(where=same)))


def looked_at(artifact: ArtifactRecord, look: Callable[[Path], tuple[int, float]] | None = None) -> DataSource:
    """How data stands today by a quick look at names, sizes and times; its bytes are not read."""
    if not is_local(artifact.uri):
        return DataSource(artifact=artifact, standing=Standing.UNKNOWN, found="it lies elsewhere")
    path = Path(local_path(artifact.uri))
    if not path.exists():
        return DataSource(artifact=artifact, standing=Standing.GONE, found=f"nothing is at {path}")
    size, changed_at = (look or size_and_time)(path)
    recorded = artifact.facts.get("size")
    if isinstance(recorded, int) and recorded and size != recorded:
        return DataSource(artifact=artifact, standing=Standing.CHANGED, found=f"{recorded} bytes then, {size} now")
    if artifact.created_at and changed_at > artifact.created_at + SLACK_S:
        return DataSource(artifact=artifact, standing=Standing.CHANGED, found="written since it was read")
    return DataSource(artifact=artifact, standing=Standing.UNCHANGED, found="same size, not written since")


def size_and_time(path: Path) -> tuple[int, float]:
    """The bytes in a file or in all files of a folder, and when the newest of them was written."""
    found = [each.stat() for each in ([path] if path.is_file() else path.rglob("*")) if each.is_file()]
    return sum(each.st_size for each in found), max((each.st_mtime for each in found), default=0.0)


def reproductions(folder: Path, run: str) -> Iterator[Reproduction]:
    """What the reports of a run's reproductions say, the oldest first; reports that cannot be read are passed over."""
    found = []
    for file in folder.glob(f"{run}-*.json"):
        try:
            report = json.loads(file.read_bytes())
            verdicts = [str(node["verdict"]) for node in report["nodes"]]
            equal = verdicts.count("equal")
            ran = sum(verdict in ("equal", "differs", "failed") for verdict in verdicts)
            found.append(Reproduction(at=float(report["at"]), verified=bool(report["verified"]), equal=equal, ran=ran))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    yield from sorted(found, key=lambda each: each.at)
