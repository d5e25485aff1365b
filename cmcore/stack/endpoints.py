"""What an endpoint's document means in a project: versions of the registry, their files, what speaks against them.

Nothing is served here: `serving` acts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from cmcore.document.write import canonical
from cmcore.errors import NotFoundError, RefusedError, UsageError
from cmcore.inference.interface import read_model
from cmcore.provenance.why.infra import infra_refusal
from cmcore.registry.names import Reference
from cmcore.registry.values import ModelVersion
from cmcore.serving.backend import Flavor, Placement, Step
from cmcore.serving.checks import Misfit, misfits
from cmcore.serving.document import Endpoint, EnsembleStep, InferenceConfig, Variant
from cmcore.serving.placing import placement_of, with_server_config
from cmcore.serving.status import refusals
from cmcore.serving.store import Candidate, part
from cmcore.serving.values import EndpointState, Revision, ServedVersion
from cmcore.stack.governance import registered_files

if TYPE_CHECKING:
    from cmcore.stack.project import Project

UNNAMED = "unnamed"


def flavors(project: Project) -> list[Flavor]:
    """What installed plugins can run."""
    return [Flavor(name=it.name, factory=it.factory) for it in project.plugins.providers("flavor")]


def apply(project: Project, document: Endpoint, *, reason: str = "", over: int | None = None) -> Revision:
    """Want what the document says; raises RefusedError with every reason against it, NotFoundError, OutdatedError.

    Nothing is served yet: that is the controller's. A document that says what is wanted already changes nothing.
    """
    said = whole(document, project.folder)
    return project.endpoints.apply(said, candidates(project, said), reason=reason, over=over)


def whole(document: Endpoint, folder: Path) -> Endpoint:
    """The document with the texts of the files that it names, so that a revision means the same whenever it is read;
    raises UsageError."""
    variants = [
        variant.model_copy(update={"inference": with_server_config(variant.inference, folder)})
        if variant.inference
        else variant
        for variant in document.variants
    ]
    shared = with_server_config(document.inference, folder)
    return document.model_copy(update={"inference": shared, "variants": tuple(variants)})


def last_served(project: Project, name: str) -> Endpoint:
    """The document of the newest revision that wanted something served; raises NotFoundError."""
    revisions = project.endpoints.revisions(name)
    return next((it for it in revisions if it.wanted), revisions[0]).document


def earlier_revision(project: Project, name: str, to: int | None = None) -> Revision:
    """The revision that a rollback goes back to: the one asked for, else the last that nothing refused.

    Raises NotFoundError.
    """
    newest, *earlier = project.endpoints.revisions(name)
    bad = set(refusals(project.endpoints.deployments(name)))
    others = [
        it
        for it in earlier
        if it.wanted
        and not bad & set(it.wanted.values())
        and (it.document, it.resolved) != (newest.document, newest.resolved)
    ]
    found = next((it for it in (newest, *earlier) if it.number == to), None) if to else next(iter(others), None)
    if found is None or not found.wanted:
        known = ", ".join(str(it.number) for it in (newest, *earlier) if it.wanted)
        raise NotFoundError(f"{name} has no earlier revision {to or ''} to go back to; it has {known or 'none'}")
    return found


def pinned(revision: Revision) -> Endpoint:
    """The revision's document with the versions that its variants meant then."""
    variants = tuple(pinned_variant(revision, variant) for variant in revision.document.variants)
    return revision.document.model_copy(update={"variants": variants})


def pinned_variant(revision: Revision, variant: Variant) -> Variant:
    """The variant with the version that it meant then, and those of its ensemble's models."""
    meant, inference = revision.resolved, revision.document.inference_of(variant)
    exact = variant.model_copy(update={"model": meant.get(variant.name, variant.model)})
    if not inference.ensemble:
        return exact
    steps = tuple(
        step.model_copy(update={"model": meant.get(part(variant.name, index), step.model)})
        for index, step in enumerate(inference.ensemble)
    )
    return exact.model_copy(update={"inference": inference.model_copy(update={"ensemble": steps})})


def candidates(project: Project, document: Endpoint) -> list[Candidate]:
    """What each variant means now; raises RefusedError with all that does not fit, NotFoundError, ConfigError."""
    able = project.backend(document.backend).capabilities()
    found, wrong = list[Candidate](), list[Misfit]()
    for variant in document.variants:
        candidate = candidate_of(project, document, variant)
        own = read_model(candidate.placement.folder).interface
        wrong += misfits(document, variant, able, own)
        found.append(candidate)
    if wrong:
        told = list(dict.fromkeys(map(str, wrong)))
        raise RefusedError(f"endpoint {document.name} cannot be served by {document.backend}:", told)
    return found


def candidate_of(project: Project, document: Endpoint, variant: Variant) -> Candidate:
    """What one variant means now; its placement gets its name when it is deployed."""
    version = version_meant(project, variant.model)
    refuse_unblessed(project, version)
    if document.infra_blessing and version.facts.infra_blessed is not True:
        raise RefusedError(
            f"{version} may not be served at {document.name}:",
            ["no infra validation has blessed it: put an InfraValidator into the pipeline that makes it"],
        )
    inference = document.inference_of(variant)
    parts = [ensemble_part(project, document, variant, step) for step in inference.ensemble]
    placement = placement_for(project, document, variant, version, inference)
    if parts:
        placement = placement.model_copy(update={"steps": tuple(step for step, _ in parts)})
    served, others = served_version(version), tuple(other for _, other in parts)
    return Candidate(
        variant=variant.name,
        version=served,
        others=others,
        backend=document.backend,
        placement=placement,
        identity=identity(document, (served, *others), placement),
    )


def refuse_unblessed(project: Project, version: ModelVersion) -> None:
    """Raise RefusedError for a version of which infra validation has found that it cannot be served."""
    if version.facts.infra_blessed is False:
        found = infra_refusal(version.facts, project.lineage)
        why = f"infra validation found that it cannot be{f': {found}' if found else ''} (cm why {version})"
        raise RefusedError(f"{version} may not be served:", [why])


def placement_for(
    project: Project, document: Endpoint, variant: Variant, version: ModelVersion, inference: InferenceConfig
) -> Placement:
    """The placement of a version, its files verified; raises RefusedError where it cannot be served."""
    folder = registered_files(project, version)
    deployment = document.deployment_of(variant)
    try:
        return placement_of(UNNAMED, folder, deployment, inference, flavors(project), {})
    except UsageError as error:
        raise RefusedError(f"{version} cannot be served:", [str(error)]) from error


def ensemble_part(
    project: Project, document: Endpoint, variant: Variant, step: EnsembleStep
) -> tuple[Step, ServedVersion]:
    """One model of an ensemble."""
    version = version_meant(project, step.model)
    refuse_unblessed(project, version)
    plain = document.inference_of(variant).model_copy(update={"ensemble": (), "inputs": (), "outputs": ()})
    placement = placement_for(project, document, variant, version, plain)
    return Step(placement=placement, inputs=step.inputs, outputs=step.outputs), served_version(version)


def version_meant(project: Project, text: str) -> ModelVersion:
    """The registered version that a document names now; raises NotFoundError, UsageError."""
    return project.registry.version(Reference.parse(text))


def served_version(version: ModelVersion) -> ServedVersion:
    """The version as serving knows it."""
    return ServedVersion(reference=str(version), artifact=version.facts.artifact, digest=version.facts.digest)


def identity(document: Endpoint, versions: tuple[ServedVersion, ...], placement: Placement) -> str:
    """The digest of everything that makes an answer, or the way to it; a protocol more has to be warmed up by too."""
    told: JsonValue = {
        "backend": document.backend,
        "protocols": [it.value for it in sorted(document.protocols)],
        "versions": [[it.reference, it.digest] for it in versions],
        "placement": placement.model_dump(mode="json", exclude={"name", "owner", "folder"}),
    }
    return f"sha256:{hashlib.sha256(canonical(told)).hexdigest()}"


def models_named(document: Endpoint) -> Iterator[tuple[str, str]]:
    """Every model that a document names, as it names it, by the name among resolved versions."""
    for variant in document.variants:
        yield variant.name, variant.model
        for index, step in enumerate(document.inference_of(variant).ensemble):
            yield part(variant.name, index), step.model


def follows_alias(document: Endpoint) -> bool:
    """Whether a model that the document names may come to mean another version."""
    return any(Reference.parse(model).version is None for _, model in models_named(document))


def follow(project: Project, state: EndpointState) -> Revision | None:
    """A new revision where an alias of the document means another version by now; None where none does. Raises
    OutdatedError where somebody wants something else by now."""
    document = state.revision.document
    now = {name: str(version_meant(project, model)) for name, model in models_named(document)}
    before = state.revision.resolved
    moved = [
        f"{name}: {before.get(name)} became {version}" for name, version in now.items() if version != before.get(name)
    ]
    why = f"alias moved, {'; '.join(moved)}"
    return apply(project, document, reason=why, over=state.revision.number) if moved else None
