"""A version in the lineage: a small run of its own, and the folders that hold it. Also how it is found there again.

The state database is the truth; everything here can be done twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from pydantic import JsonValue

from cmcore.address import Address
from cmcore.artifacts import DataVersion, Files, Schema, Statistics
from cmcore.datasets.missing import Known
from cmcore.datasets.names import Reference
from cmcore.datasets.place import Place
from cmcore.datasets.version import Attached, Version
from cmcore.errors import UsageError
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState, RunRecord
from cmcore.lineage.store import LineageStore

SNAPSHOT, CHECKOUT, OUTPUT = "data-snapshot", "data-checkout", "version"
NO_SPAN = -1
SEARCHED = 1000
EVERY = 1_000_000_000
ATTACHED_TYPES = {"schema": Schema.type_name, "statistics": Statistics.type_name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Tells one lineage of the versions of one store; `store` is its name, unique among all that use that lineage."""

    lineage: LineageStore
    project: str
    actor: str
    store: str

    def version(self, version: Version, place: Place) -> ArtifactRecord:
        """Record a version as the output of a run `data.<name>-<version>-<store>`; it may be recorded already."""
        address = Address(run=self._run(version), node="snapshot")
        if known := self.lineage.artifact(f"{address}/{OUTPUT}/0"):
            return known
        artifact = ArtifactRecord(
            name=f"{address}/{OUTPUT}/0",
            type_name=DataVersion.type_name,
            system_type=DataVersion.system_type,
            uri=place.uri,
            digest=version.digest,
            properties={
                "dataset": version.dataset,
                "version": version.version,
                "span": NO_SPAN if version.span is None else version.span,
            },
            facts={"derives_from": [*DataVersion.parents()], **_facts("DataVersion", version)},
        )
        return self._committed(SNAPSHOT, address, version, tuple(self._sources(version)), OUTPUT, artifact)

    def folder(self, version: Version, recorded: ArtifactRecord, uri: str) -> None:
        """Record that a folder holds a version, so that importing it leads back to the version."""
        node = f"folder-{sha256(uri.encode()).hexdigest()[:16]}"
        address = Address(run=self._run(version), node=node)
        artifact = ArtifactRecord(
            name=f"{address}/files/0",
            type_name=Files.type_name,
            system_type=Files.system_type,
            uri=uri,
            digest=version.digest,
            facts=_facts("Files", version),
        )
        if self.lineage.artifact(artifact.name) is None:
            source = Edge(key=OUTPUT, index=0, artifact=recorded)
            self._committed(CHECKOUT, address, version, (source,), "files", artifact)

    def _run(self, version: Version) -> str:
        return f"data.{version.dataset}-{version.version}-{self.store[:8]}"

    def _committed(
        self, kind: str, address: Address, version: Version, inputs: tuple[Edge, ...], key: str, output: ArtifactRecord
    ) -> ArtifactRecord:
        pipeline = pipeline_of(version.dataset)
        facts: dict[str, JsonValue] = {"data": version.reference, "message": version.message}
        run = RunRecord(run=address.run, pipeline=pipeline, project=self.project, actor=version.actor, facts=facts)
        self.lineage.open_run(run)
        done = self.lineage.commit(
            ExecutionRecord(
                name=str(address),
                type_name=kind,
                state=ExecutionState.COMPLETE,
                project=self.project,
                pipeline=pipeline,
                run=address.run,
                node=address.node,
                actor=self.actor,
                inputs=inputs,
                outputs=(Edge(key=key, index=0, artifact=output),),
                created_at=version.created_at,
                finished_at=version.created_at,
            )
        )
        return done.outputs[0].artifact

    def _sources(self, version: Version) -> Iterator[Edge]:
        """What a version was taken from or is described by, as far as the lineage knows it."""
        for artifact in self.lineage.artifacts_by_uri(version.source)[:SEARCHED]:
            if artifact.digest == version.digest:
                yield Edge(key="source", index=0, artifact=artifact)
                break
        for kind, attached in version.attached.items():
            if found := self.lineage.artifact(attached.name):
                yield Edge(key=kind, index=0, artifact=found)


def pipeline_of(dataset: str) -> str:
    """The pipeline under which versions of a dataset are recorded."""
    return f"data.{dataset}"


def recorded(lineage: LineageStore, reference: Reference, *, project: str = "") -> ArtifactRecord | None:
    """The artifact of the version that a reference means, of one project or of any; None where there is none."""
    pipeline = pipeline_of(reference.dataset)
    found = lineage.latest(DataVersion.type_name, pipeline=pipeline, limit=SEARCHED)
    if best := _best(found, reference, project):
        return best
    everything = lineage.latest(DataVersion.type_name, pipeline=pipeline, limit=EVERY) if len(found) == SEARCHED else []
    return _best(everything, reference, project)


def known_versions(lineage: LineageStore, *, project: str = "") -> list[Known]:
    """All versions of all datasets, of one project or of any."""
    found = lineage.latest(DataVersion.type_name, limit=EVERY)
    told = [DataVersion.model_validate(dict(it.properties)) for it in found if project in ("", it.project)]
    return [Known(dataset=it.dataset, version=it.version, span=None if it.span == NO_SPAN else it.span) for it in told]


def attachable(kind: str, artifact: ArtifactRecord) -> Attached:
    """An artifact as it is attached to a version; raises UsageError where it is not of the type that the kind asks."""
    wanted = ATTACHED_TYPES[kind]
    if not artifact.is_a(wanted):
        raise UsageError(f"{artifact.name} cannot be the {kind} of data: it is a {artifact.type_name}, no {wanted}")
    return Attached(name=artifact.name, digest=artifact.digest)


def _best(found: Sequence[ArtifactRecord], reference: Reference, project: str) -> ArtifactRecord | None:
    fitting = [
        artifact
        for artifact in found
        if project in ("", artifact.project)
        and reference.version in (None, artifact.properties.get("version"))
        and reference.span in (None, artifact.properties.get("span"))
    ]
    return max(fitting, key=_number, default=None)


def _number(artifact: ArtifactRecord) -> int:
    number = artifact.properties.get("version")
    return number if isinstance(number, int) else 0


def _facts(type_name: str, version: Version) -> dict[str, JsonValue]:
    """What the runtime writes of data that it did not make."""
    return {"size": version.size, "type": type_name, "imported": True}
