"""Whether what an executor said beside its payloads (values, properties, remarks, metrics) can be recorded.

Pure: payloads are sealed and looked through by `cmcore.storage`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from cmcore.artifacts import Artifact, has_nan
from cmcore.components.intent import Intent
from cmcore.components.spec import ComponentSpec
from cmcore.errors import LineageError
from cmcore.lineage.blobs import MemoryBlobs
from cmcore.lineage.names import check_keys
from cmcore.lineage.record import ArtifactRecord
from cmcore.lineage.rows import artifact_row
from cmcore.runtime.job import FailureCode

Fault = tuple[FailureCode, str]


def fault_in(
    spec: ComponentSpec,
    outputs: Mapping[str, Artifact],
    values: Mapping[str, object],
    metrics: Mapping[str, float],
    secrets: Sequence[str],
) -> Fault | None:
    """The first thing that cannot be recorded; None where all of it can."""
    try:
        check_keys([f"metric.{name}" for name in metrics])
    except LineageError as error:
        return FailureCode.BAD_RESULT, str(error)
    if any(secret in name for secret in secrets if secret for name in metrics):
        return FailureCode.SECRET_IN_OUTPUT, "the name of a metric holds the value of a secret"
    for key, artifact in outputs.items():
        said = [properties(artifact), artifact.custom_properties, values.get(key)]
        if has_nan(said[0]) and not spec.outputs[key].allow_nan:
            return FailureCode.OUTPUT_NAN, f"a property of output {key!r} is NaN, which is not allowed: {said[0]}"
        if fault := fault_in_texts(key, texts_in(said), secrets) or fault_in_record(key, artifact):
            return fault
    return None


def fault_in_texts(key: str, texts: Iterator[str], secrets: Sequence[str]) -> Fault | None:
    """A secret, or half a character, among the texts of one output."""
    for text in texts:
        if any(secret in text for secret in secrets if secret):
            return FailureCode.SECRET_IN_OUTPUT, f"output {key!r} holds the value of a secret"
        try:
            text.encode()
        except UnicodeEncodeError as error:
            return FailureCode.BAD_RESULT, f"output {key!r} has a text that is not Unicode: {error}"
    return None


def fault_in_intents(intents: Sequence[Intent], secrets: Sequence[str]) -> Fault | None:
    """A secret, or half a character, in what the driver is asked to do."""
    for intent in intents:
        if fault := fault_in_texts(intent.output, texts_in([intent.kind, intent.data]), secrets):
            return fault
    return None


def fault_in_record(key: str, artifact: Artifact) -> Fault | None:
    """What the lineage would refuse to record of one output."""
    said = properties(artifact)
    remarks = artifact.custom_properties
    record = ArtifactRecord(name=key, type_name=artifact.type_name, uri="", digest="", properties=said, custom=remarks)
    try:
        artifact_row(record, MemoryBlobs())
    except LineageError as error:
        return FailureCode.BAD_RESULT, f"output {key!r}: {error}"
    return None


def properties(artifact: Artifact) -> dict[str, JsonValue]:
    """The declared properties in the form in which they are recorded."""
    said: dict[str, JsonValue] = artifact.model_dump(mode="json")
    return said


def texts_in(value: object) -> Iterator[str]:
    """Every text inside a JSON-like value, keys too."""
    match value:
        case str():
            yield value
        case list() | tuple():
            for item in value:
                yield from texts_in(item)
        case dict():
            yield from texts_in([*value.keys(), *value.values()])
