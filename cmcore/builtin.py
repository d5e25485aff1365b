"""What cmcore itself gives, through the same door as every plugin. Names only; nothing heavy is imported."""

from __future__ import annotations

from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1.0,<2"


@hookimpl
def cmcore_providers() -> list[Provider]:
    """Registrar and InfraValidator, resolvers, the local launcher, and ML-Metadata at the URLs that it understands."""
    home = "cmcore.pipelines.resolver"
    opener = "cmcore.lineage.open:open_lineage"
    places = {"sqlite": "a file", "mysql": "MySQL or MariaDB", "postgresql": "PostgreSQL"}
    metadata = [
        Provider(kind="lineage", name=scheme, factory=opener, summary=f"ML-Metadata on {place}")
        for scheme, place in places.items()
    ]
    return [
        *metadata,
        Provider(
            kind="component", name="InfraValidator", spec="cmcore:component_specs/InfraValidator.yaml",
            summary="A model loaded and asked in a private server like production's, before anybody depends on it",
        ),
        Provider(
            kind="component", name="Registrar", spec="cmcore:component_specs/Registrar.yaml",
            summary="A blessed model as a version of the registry, its number computed from evidence",
        ),
        Provider(
            kind="launcher", name="local", factory="cmcore.runtime.local:LocalLauncher",
            summary="Worker processes of this machine",
        ),
        Provider(
            kind="resolver", name="data-version", factory="cmcore.datasets.resolver:VersionOfData",
            summary="A version of a dataset, by number or the newest",
        ),
        Provider(
            kind="resolver", name="latest-artifact", factory=f"{home}:LatestArtifact",
            summary="The newest artifact of a type, of this pipeline or of any",
        ),
        Provider(
            kind="resolver", name="latest-blessed-model", factory=f"{home}:LatestBlessedModel",
            summary="The newest model with a positive Blessing, never the candidate itself",
        ),
        Provider(
            kind="resolver", name="span-range", factory=f"{home}:SpanRange",
            summary="The examples of a range of spans, the newest of each",
        ),
    ]  # fmt: skip
