"""The facts of a version, read from its model and from what speaks for it. Nothing is decided or recorded here.

What the payloads must hold is `contract`'s affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import JsonValue

from cmcore.artifacts import Artifact
from cmcore.artifacts.payload import Payload
from cmcore.components.types import artifact_reference, artifact_type
from cmcore.errors import StorageError, UsageError
from cmcore.lineage.record import ArtifactRecord
from cmcore.lineage.walk import deletion
from cmcore.registry.contract import (
    EVALUATION_BYTES,
    EVALUATION_FILE,
    MODEL_BYTES,
    MODEL_FILE,
    SCHEMA_BYTES,
    SCHEMA_FILE,
    Entries,
    EvaluationFile,
    Label,
    ModelFile,
    SchemaColumn,
    SchemaFile,
    Signature,
    measures,
    spelled,
)
from cmcore.registry.facts import Column, EvaluationFacts, Interface, VersionFacts
from cmcore.registry.payload_documents import content, json_document, problem, yaml_document
from cmcore.scanning.scan import scan_folder
from cmcore.storage.location import DECLARED
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import VerifyMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """One artifact with its bytes, which facts are read from. `name` and `digest` are empty outside a run.

    `type` is how documents write its type, `allowed` what a scan of its files lets pass.
    """

    payload: Payload
    name: str
    digest: str
    type: str
    allowed: tuple[str, ...]
    properties: Mapping[str, JsonValue]

    @classmethod
    def of(cls, artifact: Artifact) -> Self:
        """An artifact as an executor gets it."""
        return cls(
            payload=artifact.payload,
            name=artifact.name,
            digest=artifact.digest or "",
            type=artifact_reference(type(artifact)),
            allowed=artifact.allowed_formats,
            properties=artifact.model_dump(mode="json"),
        )

    @classmethod
    def recorded(cls, record: ArtifactRecord, payloads: PayloadStore) -> Self:
        """A recorded artifact; raises StorageError where its bytes are no longer what was recorded."""
        payload = declared(record, payloads) or intact(record, payloads)
        reference = str(record.facts.get("type") or record.type_name)
        return cls(
            payload=payload,
            name=record.name,
            digest=record.digest,
            type=reference,
            allowed=allowed_by(reference),
            properties=record.properties,
        )


def declared(record: ArtifactRecord, payloads: PayloadStore) -> Payload | None:
    """Imported data whose digest nobody can check, because its importer declared it; None for all others."""
    return payloads.input(record.uri, None, imported=True) if record.digest.startswith(DECLARED) else None


def intact(record: ArtifactRecord, payloads: PayloadStore) -> Payload:
    """The bytes of a recorded artifact, all digested again; raises StorageError where one is not as recorded."""
    if gone := deletion(record):
        raise StorageError(f"{record.name} has no bytes any more: {gone}")
    imported = bool(record.facts.get("imported"))
    now = payloads.fingerprint(record.uri) if imported else None
    verdict = payloads.verify(record.uri, record.digest, VerifyMode.DIGEST, imported=now)
    if not verdict.ok:
        raise StorageError(
            f"{record.name} is not what was recorded: {verdict.reason}. Put the recorded bytes back, or record what is "
            f"there now as an artifact of its own"
        )
    return payloads.input(record.uri, record.digest, imported=imported)


def allowed_by(reference: str) -> tuple[str, ...]:
    """What an artifact type lets pass in a scan; nothing, where the type cannot be imported here."""
    try:
        return artifact_type(reference).allowed_formats
    except UsageError:
        return ()


def version_facts(
    model: Readable,
    *,
    evaluation: Readable | None = None,
    blessing: Readable | None = None,
    schema: Readable | None = None,
    infra_blessing: Readable | None = None,
) -> VersionFacts:
    """Everything that a version's payloads say; origin is left empty.

    Raises RefusedError for a model that is not safe to load, DocumentError for a payload that is not what it should
    be, UsageError for evidence about another model.
    """
    scan = scanned(model)
    file = model_file(model)
    spoke = {"evaluation": evaluation, "blessing": blessing, "schema": schema, "infra_blessing": infra_blessing}
    return VersionFacts(
        digest=model.digest,
        uri=model.payload.uri,
        artifact=model.name,
        type_name=model.type,
        flavors=tuple(sorted(file.flavors)),
        size_bytes=size_bytes(model.payload),
        interface=interface(file, schema),
        evaluation=evaluation_facts(evaluation, model) if evaluation else None,
        blessed=verdict_of(blessing, "current_model", model) if blessing else None,
        infra_blessed=verdict_of(infra_blessing, "model", model) if infra_blessing else None,
        scan=scan,
        evidence={part: said.name for part, said in spoke.items() if said and said.name},
    )


def scanned(model: Readable) -> dict[str, JsonValue]:
    """What the model's files are; raises RefusedError where one must not be loaded."""
    report = scan_folder(model.payload.path, allowed=model.allowed)
    report.check(f"{model.name or model.payload.uri} is not registered: it")
    return report.document()


def model_file(model: Readable) -> ModelFile:
    """The `MLmodel`; an empty one, where there is none."""
    raw = content(model.payload, MODEL_FILE, limit=MODEL_BYTES)
    return ModelFile() if raw is None else yaml_document(model.payload, MODEL_FILE, raw, ModelFile)


def size_bytes(payload: Payload) -> int:
    """The size of all files."""
    return sum(file.lstat().st_size for file in payload.path.rglob("*") if file.is_file())


def interface(file: ModelFile, schema: Readable | None) -> Interface:
    """What callers rely on: the signature, with what the schema demands of the same columns."""
    demands = schema_columns(schema) if schema else {}
    signature, label = file.signature or Signature(), file.metadata.cmcore if file.metadata else Label()
    inputs = {name: demanded(column, demands.get(name)) for name, column in columns(signature.inputs).items()}
    return Interface(
        inputs=inputs,
        outputs=columns(signature.outputs),
        target={label.label: target(label, demands.get(label.label))} if label.label else {},
        schema_digest=(schema.digest or schema.payload.uri) if schema else "",
    )


def columns(entries: Entries) -> dict[str, Column]:
    """The columns of one side of a signature."""
    return {entry.name or str(position): entry.column for position, entry in enumerate(entries or [])}


def demanded(column: Column, demand: SchemaColumn | None) -> Column:
    """An input with its domain; callers may leave it out where the schema lets values be missing."""
    if demand is None:
        return column
    required = column.required and demand.max_missing_share == 0
    return column.model_copy(update={"required": required, "domain": spelled(demand.domain)})


def target(label: Label, demand: SchemaColumn | None) -> Column:
    """What is predicted; its classes are the model's own, else the schema's domain."""
    domain = spelled(demand.domain) if demand else None
    return Column(type=demand.type if demand else "", domain=spelled(label.classes) if label.classes else domain)


def schema_columns(schema: Readable) -> dict[str, SchemaColumn]:
    """The schema's columns by name; raises DocumentError."""
    raw = required_content(schema, SCHEMA_FILE, limit=SCHEMA_BYTES)
    return {column.name: column for column in yaml_document(schema.payload, SCHEMA_FILE, raw, SchemaFile).columns}


def evaluation_facts(evaluation: Readable, model: Readable) -> EvaluationFacts:
    """What was measured of this very model; raises DocumentError, UsageError."""
    raw = required_content(evaluation, EVALUATION_FILE, limit=EVALUATION_BYTES)
    file = json_document(evaluation.payload, EVALUATION_FILE, raw, EvaluationFile)
    check_about(evaluation, file.model, model)
    compared = file.comparison
    return EvaluationFacts(
        artifact=evaluation.name,
        metrics=measures(file.overall.metrics),
        baseline=compared.baseline if compared else "",
        differences=measures(compared.differences) if compared else {},
        rows=file.overall.rows,
        level=file.level,
        higher_is_better=file.higher_is_better,
    )


def verdict_of(blessing: Readable, about: str, model: Readable) -> bool:
    """The verdict on this very model, whose digest is in the property `about`; raises UsageError."""
    check_about(blessing, str(blessing.properties.get(about, "")), model)
    return blessing.properties.get("blessed") is True


def check_about(evidence: Readable, digest: str, model: Readable) -> None:
    """Raise UsageError where evidence is about another model; outside a run nobody knows a digest."""
    if digest and model.digest and digest != model.digest:
        raise UsageError(
            f"the {evidence.type} {evidence.name or evidence.payload.uri} is about model {digest}, "
            f"but {model.name or 'the model to register'} is {model.digest}"
        )


def required_content(evidence: Readable, name: str, *, limit: int) -> bytes:
    """A file without which this is no evidence; raises DocumentError."""
    raw = content(evidence.payload, name, limit=limit)
    if raw is None:
        hint = f"a {evidence.type} is read from it; see docs/explanation/versions.md"
        raise problem(evidence.payload, name, "there is no such file", hint=hint)
    return raw
