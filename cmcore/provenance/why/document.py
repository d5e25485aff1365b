"""An explanation as JSON, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import cast

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from cmcore.lineage.record import ArtifactRecord
from cmcore.provenance.why.explanation import Explanation, Records, Step, Training


def explanation_document(found: Explanation) -> dict[str, JsonValue]:
    """The whole account; parts of which nothing is recorded are null or empty."""
    return {
        "asked": found.asked,
        "artifact": artifact_document(found.artifact) if found.artifact else None,
        "versions": [*found.versions],
        "version": version_document(found.records) if found.records else None,
        "training": training_document(found.training) if found.training else None,
        "data": [
            {**artifact_document(each.artifact), "today": each.standing.value, "found": each.found}
            for each in found.data
        ],
        "uses": [
            {
                "node": use.node,
                "component": use.component,
                "pipeline": use.pipeline,
                "run": use.run,
                "at": use.at,
                "outputs": [artifact_document(each) for each in use.outputs],
            }
            for use in found.uses
        ],
        "reproductions": [plain(asdict(each)) for each in found.reproductions],
        "deployed": plain(asdict(found.deployed)) if found.deployed else None,
    }


def artifact_document(artifact: ArtifactRecord) -> dict[str, JsonValue]:
    """One artifact."""
    return {
        "name": artifact.name,
        "type": artifact.type_name,
        "uri": artifact.uri,
        "digest": artifact.digest,
        "properties": dict(artifact.properties),
        "deleted": artifact.deleted,
        "id": artifact.id,
    }


def version_document(records: Records) -> JsonValue:
    """What the registry holds of a version."""
    version = records.version
    return {
        "model": version.model,
        "version": str(version.number),
        "level": version.level.value,
        "computed": version.bump.level.value,
        "reason": version.override or version.bump.reason,
        "over": str(version.bump.over) if version.bump.over else None,
        "findings": [plain(asdict(each)) for each in version.bump.findings],
        "facts": version.facts.model_dump(mode="json"),
        "infra_refusal": records.infra_refusal,
        "aliases": [*version.aliases],
        "properties": {**records.model.properties, **version.properties},
        "actor": version.actor,
        "created_at": version.created_at,
        "promotions": [
            {
                "alias": move.alias,
                "version": str(move.version) if move.version else None,
                "from_version": str(move.from_version) if move.from_version else None,
                "actor": move.actor,
                "at": move.at,
                "reason": move.reason,
            }
            for move in records.moves
        ],
        "approvals": [
            {
                "environment": said.environment,
                "verdict": said.verdict.value,
                "actor": said.actor,
                "at": said.at,
                "expires_at": said.expires_at,
                "reason": said.reason,
            }
            for said in records.approvals
        ],
        "notes": [{"actor": note.actor, "at": note.at, "text": note.text} for note in records.notes],
        "links": [{"rel": link.rel, "url": link.url} for link in records.links],
    }


def training_document(training: Training) -> JsonValue:
    """The run that made it."""
    return {
        "run": training.run,
        "node": training.node,
        "pipeline": training.pipeline,
        "actor": training.actor,
        "at": training.at,
        "code_version": dict(training.code_version),
        "parameters": {name: {"value": it.value, "layer": it.layer} for name, it in training.parameters.items()},
        "steps": [step_document(each) for each in training.steps],
        "environment": training.environment.document() if training.environment else None,
        "environment_changes": [plain(asdict(each)) for each in training.changes],
        "command": [*training.command],
    }


def step_document(step: Step) -> JsonValue:
    """One node that took part."""
    return {
        "node": step.node,
        "component": step.component,
        "execution": step.execution,
        "code": step.code,
        "parameters": dict(step.parameters),
        "values": dict(step.values),
        "metrics": dict(step.metrics),
        "outputs": [artifact_document(each) for each in step.outputs],
    }


def plain(value: object) -> JsonValue:
    """A dataclass's fields as JSON."""
    return cast("JsonValue", to_jsonable_python(value))
