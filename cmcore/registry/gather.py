"""What speaks for a recorded model, found in the lineage: its evaluation, its blessings, the schema of its data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cmcore.artifacts import Blessing, Evaluation, InfraBlessing, Model, Schema
from cmcore.errors import UsageError
from cmcore.lineage.record import ArtifactRecord, ExecutionRecord
from cmcore.lineage.store import LineageStore
from cmcore.lineage.walk import identity, upstream
from cmcore.registry.evidence import Readable, version_facts
from cmcore.registry.facts import Origin, VersionFacts
from cmcore.storage.store import PayloadStore

CONSUMERS = 10_000
MODEL_INPUT = "model"
ABOUT = {Evaluation.type_name: "model", Blessing.type_name: "current_model", InfraBlessing.type_name: "model"}
"""The property in which the digest of the model stands that an artifact is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceArtifacts:
    """The artifacts that speak for a model; None where there is none."""

    evaluation: ArtifactRecord | None = None
    blessing: ArtifactRecord | None = None
    schema: ArtifactRecord | None = None
    infra_blessing: ArtifactRecord | None = None

    def names(self) -> dict[str, str]:
        """What there is, by the part that it plays."""
        return {key: artifact.name for key in self.__slots__ if (artifact := getattr(self, key))}

    def over(self, found: EvidenceArtifacts) -> EvidenceArtifacts:
        """What was found, with those that are named here in its place."""
        named = {key: value for key in self.__slots__ if (value := getattr(self, key))}
        return replace(found, **named)


def found_evidence(store: LineageStore, model: ArtifactRecord) -> EvidenceArtifacts:
    """The newest evaluation and blessings of this very model, and the nearest schema that it was made with."""
    executions = published_consumers(store, model)
    return EvidenceArtifacts(
        evaluation=next(about(model, executions, Evaluation.type_name), None),
        blessing=next(about(model, executions, Blessing.type_name), None),
        infra_blessing=next(about(model, executions, InfraBlessing.type_name), None),
        schema=next((each for each in upstream(store, model).artifacts if each.is_a(Schema.type_name)), None),
    )


def published_consumers(store: LineageStore, model: ArtifactRecord) -> list[ExecutionRecord]:
    """The executions that worked on the model and came to something."""
    return [each for each in store.consumers(model, limit=CONSUMERS) if each.state.published]


def about(model: ArtifactRecord, executions: list[ExecutionRecord], type_name: str) -> Iterator[ArtifactRecord]:
    """The outputs of a type that are about the model, not about one which was only compared with it.

    Where the artifact itself does not say which, the model must have been the input named `model`.
    """
    for execution in executions:
        for edge in execution.outputs:
            if edge.artifact.is_a(type_name):
                said = edge.artifact.properties.get(ABOUT[type_name])
                if said == model.digest or (not said and is_input(model, execution)):
                    yield edge.artifact


def is_input(model: ArtifactRecord, execution: ExecutionRecord) -> bool:
    """Whether an execution worked on the model itself."""
    return any(edge.key == MODEL_INPUT and identity(edge.artifact) == identity(model) for edge in execution.inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that could be a version: its facts, what they were read from, and the name it would have."""

    facts: VersionFacts
    evidence: EvidenceArtifacts
    pipeline: str

    @property
    def name(self) -> str:
        """The name of the pipeline that made it, as models are named; raises UsageError where there is none."""
        if not self.pipeline:
            raise UsageError("no pipeline made this model whose name it could have; give it one: --as NAME")
        return self.pipeline.lower()


def candidate(
    model: ArtifactRecord,
    *,
    store: LineageStore,
    payloads: PayloadStore,
    origin: Origin,
    named: EvidenceArtifacts = EvidenceArtifacts(),  # frozen
) -> Candidate:
    """A recorded model with all that speaks for it; `named` artifacts are taken instead of what is found.

    Raises as `version_facts` does, UsageError for an artifact of another type, StorageError for bytes that are lost or
    are no longer what was recorded.
    """
    check_type(model, Model.type_name)
    check_named(model, named, store)
    evidence = named.over(found_evidence(store, model))

    def read(record: ArtifactRecord | None, type_name: str) -> Readable | None:
        if record is None:
            return None
        check_type(record, type_name)
        return Readable.recorded(record, payloads)

    facts = version_facts(
        Readable.recorded(model, payloads),
        evaluation=read(evidence.evaluation, Evaluation.type_name),
        blessing=read(evidence.blessing, Blessing.type_name),
        schema=read(evidence.schema, Schema.type_name),
        infra_blessing=read(evidence.infra_blessing, InfraBlessing.type_name),
    )
    return Candidate(facts=facts.model_copy(update={"origin": origin}), evidence=evidence, pipeline=model.pipeline)


def check_named(model: ArtifactRecord, named: EvidenceArtifacts, store: LineageStore) -> None:
    """Raise UsageError for evidence that somebody named and that is about another model, or does not say which."""
    executions = published_consumers(store, model)
    for artifact in (named.evaluation, named.blessing, named.infra_blessing):
        type_name = next((each for each in ABOUT if artifact and artifact.is_a(each)), None)
        if artifact is None or type_name is None:
            continue
        said = artifact.properties.get(ABOUT[type_name])
        if said == model.digest:
            continue
        if said or identity(artifact) not in map(identity, about(model, executions, type_name)):
            whose = f"about model {said}" if said else "not known to be about this model"
            raise UsageError(f"{artifact.name} is {whose}; {model.name} is {model.digest}")


def check_type(artifact: ArtifactRecord, type_name: str) -> None:
    """Raise UsageError for an artifact of another type."""
    if not artifact.is_a(type_name):
        raise UsageError(f"{artifact.name} is of type {artifact.type_name}; a {type_name} was asked for")
