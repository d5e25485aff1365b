"""in-toto statements about a model: SLSA provenance from what the lineage recorded, and its card. Pure.

https://in-toto.io/Statement/v1, https://slsa.dev/spec/v1.0/provenance
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from pydantic import JsonValue

from cmcore.document.write import canonical
from cmcore.lineage.record import ArtifactRecord, ExecutionRecord, RunRecord
from cmcore.provenance.origin import Ancestry, environment_digest, recorded_environment
from cmcore.registry.values import ModelVersion

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"
CARD_TYPE = "https://cmcore.dev/model-card/v1"
BUILD_TYPE = "https://cmcore.dev/pipeline@v1"
BUILDER = "https://cmcore.dev/driver@v1"
PAYLOAD_DIGEST, CODE_DIGEST = "cmcorePayloadV1", "cmcoreCodeV1"  # ours: over a manifest, and over a closure of code

Statement = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A version and how it was made: `files` are SHA-256 by path, `run` the record of its maker's run."""

    version: ModelVersion
    files: Mapping[str, str]
    ancestry: Ancestry
    run: RunRecord | None
    software: str


def provenance_statement(made: Made) -> Statement:
    """What SLSA calls provenance: inputs, code, parameters and packages that made these files, and when."""
    definition: dict[str, JsonValue] = {
        "buildType": BUILD_TYPE,
        "externalParameters": _external(made),
        "internalParameters": _internal(made),
        "resolvedDependencies": [*_dependencies(made)],
    }
    details: dict[str, JsonValue] = {
        "builder": {"id": BUILDER, "version": {"cmcore": made.software}},
        "metadata": _metadata(made),
        "byproducts": [*_byproducts(made)],
    }
    return statement(made.files, PROVENANCE_TYPE, {"buildDefinition": definition, "runDetails": details})


def card_statement(files: Mapping[str, str], card: Mapping[str, JsonValue]) -> Statement:
    """The model's card, as said of these files."""
    return statement(files, CARD_TYPE, dict(card))


def statement(files: Mapping[str, str], predicate_type: str, predicate: Mapping[str, JsonValue]) -> Statement:
    """An in-toto statement about files; what JSON cannot say (NaN) becomes a text."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(files.items())],
        "predicateType": predicate_type,
        "predicate": _finite(dict(predicate)),
    }


def objection(found: Mapping[str, JsonValue], files: Mapping[str, str], predicate_type: str) -> str:
    """Why a statement is not about exactly these files, or not of that kind; empty if it is."""
    if found.get("_type") != STATEMENT_TYPE or found.get("predicateType") != predicate_type:
        return f"it is a {found.get('predicateType')!r}, not a {predicate_type!r}"
    expected = statement(files, predicate_type, {})["subject"]
    if found.get("subject") == expected:
        return ""
    said, there = _by_name(found.get("subject")), _by_name(expected)
    other = sorted(name for name in said.keys() | there.keys() if said.get(name) != there.get(name))
    return f"it is about other files: {', '.join(map(repr, other[:3])) or 'a name is there twice'}"


def _by_name(subjects: JsonValue) -> dict[str, JsonValue]:
    listed = subjects if isinstance(subjects, list) else []
    return {str(each.get("name")): each.get("digest") for each in listed if isinstance(each, dict)}


def _external(made: Made) -> dict[str, JsonValue]:
    """What whoever started the run chose."""
    facts = made.run.facts if made.run else {}
    parameters = facts.get("parameters")
    layered = parameters if isinstance(parameters, dict) else {}
    return {
        "pipeline": made.run.pipeline if made.run else "",
        "source": PurePosixPath(str(facts.get("source") or "")).name,  # where it lay is nobody's business
        "parameters": {name: each.get("value") for name, each in layered.items() if isinstance(each, dict)},
    }


def _internal(made: Made) -> dict[str, JsonValue]:
    """What the pipeline chose for each of its steps, and where they ran."""
    environment = made.run.facts.get("environment") if made.run else None
    found = recorded_environment(environment)
    steps: dict[str, JsonValue] = {
        each.node: {"component": each.type_name, "parameters": dict(each.parameters), "execution": each.name}
        for each in made.ancestry.components
    }
    return {
        "steps": steps,
        "environment": environment_digest(environment),
        "python": found.python if found else "",
        "platform": found.platform if found else "",
        "payload": made.version.facts.digest,
    }


def _dependencies(made: Made) -> Iterator[dict[str, JsonValue]]:
    for artifact in made.ancestry.data:
        yield {"uri": artifact.uri, "digest": _digest(artifact), "name": artifact.type_name}
    facts = made.run.facts if made.run else {}
    version = facts.get("code_version")
    if isinstance(version, dict) and version.get("commit"):
        annotations: dict[str, JsonValue] = {"dirty": bool(version.get("dirty"))}
        if version.get("dirty"):
            annotations["dirtyDigest"] = version.get("dirty_digest")
        yield {"name": "code", "digest": {"gitCommit": version["commit"]}, "annotations": annotations}
    for execution in made.ancestry.components:
        if code := str(execution.facts.get("code") or ""):
            yield {"name": f"code of {execution.node}", "digest": {CODE_DIGEST: code.removeprefix("sha256:")}}
    environment = recorded_environment(facts.get("environment"))
    for package in environment.packages if environment else ():
        name, _, number = package.partition("==")
        yield {"name": name, "uri": f"pkg:pypi/{name}@{number}" if number else f"pkg:pypi/{name}"}


def _digest(artifact: ArtifactRecord) -> dict[str, JsonValue]:
    kind, _, digest = artifact.digest.partition(":")
    return {PAYLOAD_DIGEST: digest} if kind == "sha256" else {"declared": digest}


def _metadata(made: Made) -> dict[str, JsonValue]:
    executions = made.ancestry.executions
    began = made.run.created_at if made.run else 0.0
    ended = max((each.finished_at for each in executions), default=0.0)
    found = {"invocationId": made.run.run if made.run else "", "startedOn": _time(began), "finishedOn": _time(ended)}
    return {name: value for name, value in found.items() if value}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""


def _byproducts(made: Made) -> Iterator[dict[str, JsonValue]]:
    evaluation = made.version.facts.evaluation
    if evaluation is not None:
        metrics: dict[str, JsonValue] = {
            name: {"value": each.value, "low": each.low, "high": each.high} for name, each in evaluation.metrics.items()
        }
        content = base64.b64encode(canonical(_finite(metrics))).decode()
        yield {"name": "metrics", "mediaType": "application/json", "content": content}
    for each in made.ancestry.components:
        yield {"name": f"log of {each.name}", "annotations": {"command": f"cm logs {each.name}", "took_s": _took(each)}}


def _took(execution: ExecutionRecord) -> float:
    return round(max(0.0, execution.finished_at - execution.created_at), 3)


def _finite(value: JsonValue) -> JsonValue:
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list():
            return [_finite(item) for item in value]
    return value
