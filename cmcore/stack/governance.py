"""Registrations and promotions in a project: evidence is gathered, plugins are asked, the registry decides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cmcore.errors import NotFoundError
from cmcore.hooks.specs import PromotionRequest
from cmcore.lineage.record import ArtifactRecord
from cmcore.pipelines.load import import_from
from cmcore.provenance.origin import origin_of
from cmcore.registry.evidence import allowed_by, intact
from cmcore.registry.gates import Evidence, Signature
from cmcore.registry.gather import Candidate, EvidenceArtifacts, candidate
from cmcore.registry.names import Reference
from cmcore.registry.policy import EnvironmentPolicy
from cmcore.registry.values import Alias, Finding, ModelVersion
from cmcore.scanning.scan import scan_folder

if TYPE_CHECKING:
    from pathlib import Path

    from cmcore.stack.project import Project

NOTHING_NAMED = EvidenceArtifacts()


def promote(
    project: Project, reference: Reference, environment: str, *, over: int | None = None, reason: str = ""
) -> Alias:
    """Make a version an environment's, if policy and plugins allow.

    `over` is the generation of the environment's alias that was seen; left out, it is the present one. Raises
    RefusedError, OutdatedError and NotFoundError as `Registry.promote` does.
    """
    registry = project.registry
    before = registry.alias(reference.model, environment)
    seen = over if over is not None else before.generation if before else 0
    version = registry.version(reference)
    evidence = evidence_of(project, version, environment)
    unopposed = replace(evidence, objections=())
    if all(finding.holds for finding in registry.judge(version.reference, environment, unopposed)):
        request = promotion_request(project, version, environment, str(before.version) if before else "", reason)
        refusal = project.plugins.promotion_refusal(request)
        evidence = replace(evidence, objections=(refusal,) if refusal else ())
    return registry.promote(version.reference, environment, over=seen, evidence=evidence, reason=reason)


def candidate_of(
    project: Project,
    model: ArtifactRecord,
    named: EvidenceArtifacts = NOTHING_NAMED,
) -> Candidate:
    """A recorded model with its origin and all that speaks for it; raises as `gather.candidate` does."""
    import_from(project.roots())  # the model's type may be the project's own
    origin = origin_of(project.lineage, model)
    return candidate(model, store=project.lineage, payloads=project.payloads, origin=origin, named=named)


def judged(project: Project, reference: Reference, environment: str) -> tuple[Finding, ...]:
    """What a promotion would look at, and whether each of it holds; nothing is changed, no plugin is asked."""
    version = project.registry.version(reference)
    unopposed = replace(evidence_of(project, version, environment), objections=())
    return project.registry.judge(version.reference, environment, unopposed)


def promotion_request(
    project: Project, version: ModelVersion, environment: str, replaces: str, reason: str
) -> PromotionRequest:
    """What plugins are asked."""
    evaluation = version.facts.evaluation
    return PromotionRequest(
        model=version.model,
        version=str(version.number),
        environment=environment,
        replaces=replaces,
        actor=project.actor,
        reason=reason,
        metrics={name: measure.value for name, measure in evaluation.metrics.items()} if evaluation else {},
        properties=dict(version.properties),
    )


def evidence_of(project: Project, version: ModelVersion, environment: str) -> Evidence:
    """What the gates of an environment ask for, looked at now; nothing else is.

    A guarded environment gets nothing but the bytes that were registered: they are digested again. Raises StorageError.
    """
    demands = project.registry.policy(version.model).environment(environment)
    asked = {gate.name for gate in demands.gates}
    folder = None if demands.is_free else registered_files(project, version)
    return Evidence(
        facts=version.facts,
        properties=version.properties,
        scan_reasons=scanned(project, version, folder) if folder and "scan" in asked else None,
        signatures=signatures_of(project, version, folder, demands) if folder and "signed" in asked else None,
        card_missing=card_gaps(project, version) if "card" in asked else None,
    )


def registered_files(project: Project, version: ModelVersion) -> Path:
    """The model's files, every byte as it was registered; raises NotFoundError, StorageError."""
    name = version.facts.artifact
    record = project.lineage.artifact(name)
    if record is None:
        raise NotFoundError(f"{version} is the artifact {name!r}, which the lineage of this project does not know")
    return intact(record, project.payloads).path


def scanned(project: Project, version: ModelVersion, folder: Path) -> tuple[str, ...]:
    """Why the model's files are not safe to load; what the artifact's type allows, if it is known here, is allowed."""
    import_from(project.roots())
    return scan_folder(folder, allowed=allowed_by(version.facts.type_name)).reasons


def signatures_of(
    project: Project, version: ModelVersion, folder: Path, demands: EnvironmentPolicy
) -> tuple[Signature, ...]:
    """What the signatures on the version come to, by the keys that each gate trusts."""
    from cmcore.provenance.signing.attachments import Attachments
    from cmcore.provenance.signing.version import signature_finding

    kept, digest = Attachments(project.database, actor=project.actor), version.facts.digest
    return tuple(signature_finding(kept, digest, folder, gate.signed.keys) for gate in demands.gates if gate.signed)


def card_gaps(project: Project, version: ModelVersion) -> tuple[str, ...]:
    """The sections that the version's card lacks."""
    from cmcore.provenance.card.card import missing
    from cmcore.stack.accounts import card

    return missing(card(project, version.reference))
