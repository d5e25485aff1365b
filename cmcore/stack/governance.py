"""Promotions in a project: the evidence that a policy asks for is gathered, plugins are asked, the registry decides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cmcore.components.types import artifact_type
from cmcore.errors import NotFoundError, UsageError
from cmcore.hooks.specs import PromotionRequest
from cmcore.registry.evidence import Readable
from cmcore.registry.gates import Evidence, Signature
from cmcore.registry.names import Reference
from cmcore.registry.policy import EnvironmentPolicy
from cmcore.registry.values import Alias, Finding, ModelVersion
from cmcore.scanning.scan import scan_folder

if TYPE_CHECKING:
    from pathlib import Path

    from cmcore.stack.project import Project


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
    if all(finding.holds for finding in registry.judge(version.reference, environment, evidence)):
        request = promotion_request(project, version, environment, str(before.version) if before else "", reason)
        if refusal := project.plugins.promotion_refusal(request):
            evidence = replace(evidence, objections=(refusal,))
    return registry.promote(version.reference, environment, over=seen, evidence=evidence, reason=reason)


def judged(project: Project, reference: Reference, environment: str) -> tuple[Finding, ...]:
    """What a promotion would look at, and whether each of it holds; nothing is changed, no plugin is asked."""
    version = project.registry.version(reference)
    return project.registry.judge(version.reference, environment, evidence_of(project, version, environment))


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
    """What the gates of an environment ask for, looked at now; nothing else is."""
    demands = project.registry.policy(version.model).environment(environment)
    asked = {gate.name for gate in demands.gates}
    needs_bytes = asked & {"scan", "signed"}
    folder = model_folder(project, version) if needs_bytes else None
    return Evidence(
        facts=version.facts,
        properties=version.properties,
        scan_reasons=scanned(version, folder) if folder and "scan" in asked else None,
        signature=signature_of(project, version, folder, demands) if folder and "signed" in asked else None,
        card_missing=card_gaps(project, version) if "card" in asked else None,
    )


def model_folder(project: Project, version: ModelVersion) -> Path:
    """The model's files, which are what was registered; raises NotFoundError, StorageError."""
    record = project.lineage.artifact(version.facts.artifact)
    if record is None:
        raise NotFoundError(f"{version} is {version.facts.artifact!r}, which the lineage of this project does not know")
    return Readable.recorded(record, project.payloads).payload.path


def scanned(version: ModelVersion, folder: Path) -> tuple[str, ...]:
    """Why the model's files are not safe to load; what the artifact's type allows, if it is known here, is allowed."""
    try:
        allowed = artifact_type(version.facts.type_name).allowed_formats
    except UsageError:
        allowed = ()
    return scan_folder(folder, allowed=allowed).reasons


def signature_of(project: Project, version: ModelVersion, folder: Path, demands: EnvironmentPolicy) -> Signature:
    """What the signatures on the version come to, by the keys that the environment trusts."""
    from cmcore.provenance.signing.attachments import Attachments
    from cmcore.provenance.signing.version import signature_finding

    keys = [key for gate in demands.gates if gate.signed is not None for key in gate.signed.keys]
    return signature_finding(Attachments(project.database, actor=project.actor), version.facts.digest, folder, keys)


def card_gaps(project: Project, version: ModelVersion) -> tuple[str, ...]:
    """The sections that the version's card lacks."""
    from cmcore.provenance.card.card import missing
    from cmcore.stack.accounts import card

    return missing(card(project, version.reference))
