"""The resolver `data-version`: a version of a dataset as an input of a pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from pydantic import JsonValue

from cmcore.components.spec import ComponentSpec, OutputSpec, ParameterSpec
from cmcore.datasets.missing import missing
from cmcore.datasets.names import Reference, checked_dataset
from cmcore.datasets.recording import known_versions, recorded
from cmcore.lineage.record import ArtifactRecord
from cmcore.lineage.store import LineageStore


class Query(Protocol):
    """What this resolver needs of the question that pipelines ask."""

    @property
    def parameters(self) -> Mapping[str, JsonValue]:
        """`dataset`, `version`, `span`."""
        ...

    @property
    def lineage(self) -> LineageStore:
        """Where to look."""
        ...

    @property
    def project(self) -> str:
        """Whose versions."""
        ...


class VersionOfData:
    """`data-version`: one version by its number, or the newest, of all or of one span."""

    def spec(self, parameters: Mapping[str, JsonValue]) -> ComponentSpec:
        return ComponentSpec(
            name="data-version",
            parameters={
                "dataset": ParameterSpec(type="str", description="name of the dataset"),
                "version": ParameterSpec(
                    type="int | Literal['latest']", default="latest", description="a number, or the newest"
                ),
                "span": ParameterSpec(type="int | None", default=None, ge=0, description="only versions of this span"),
            },
            outputs={"data": OutputSpec(type="DataVersion")},
        )

    def resolve(self, query: Query) -> Mapping[str, Sequence[ArtifactRecord]]:
        version, span = query.parameters.get("version"), query.parameters.get("span")
        reference = Reference(
            dataset=checked_dataset(str(query.parameters["dataset"])),
            version=version if isinstance(version, int) else None,
            span=span if isinstance(span, int) else None,
        )
        found = recorded(query.lineage, reference, project=query.project)
        if found is None:  # an empty answer would only skip what reads the version
            raise missing(reference, known_versions(query.lineage, project=query.project))
        return {"data": [found]}
