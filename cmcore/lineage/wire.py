"""ML-Metadata's messages, filled and read without importing the library that declares them.

What the properties mean is `rows.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmcore.lineage import rows
from cmcore.lineage.blobs import Blobs
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState, RunRecord
from cmcore.lineage.rows import Row
from cmcore.lineage.spelling import Scalar

Message = Any  # the library declares its messages at run time, so no type checker knows them


def filled(message: Message, row: Row) -> Message:
    """The message, with the row's properties set."""
    for properties, values in ((message.properties, row.declared), (message.custom_properties, row.custom)):
        for key, value in values.items():
            match value:
                case bool():
                    properties[key].bool_value = value
                case int():
                    properties[key].int_value = value
                case float():
                    properties[key].double_value = value
                case str():
                    properties[key].string_value = value
    return message


def row_of(message: Message) -> Row:
    """A message's properties."""
    return Row(declared=_scalars(message.properties), custom=_scalars(message.custom_properties))


def _scalars(properties: Mapping[str, Message]) -> dict[str, Scalar]:
    """Only what we write ourselves: others may have stored protos and structs, which are left out."""
    found: dict[str, Scalar] = {}
    for key, value in properties.items():
        match value.WhichOneof("value"):
            case "string_value":
                found[key] = value.string_value
            case "int_value":
                found[key] = value.int_value
            case "double_value":
                found[key] = value.double_value
            case "bool_value":
                found[key] = value.bool_value
    return found


def edge_of(event: Message, artifacts: Mapping[int, ArtifactRecord]) -> Edge:
    """An event with its artifact; other writers' paths may lack the key or the index."""
    key = next((step.key for step in event.path.steps if step.HasField("key")), "")
    index = next((step.index for step in event.path.steps if step.HasField("index")), 0)
    return Edge(key=key, index=index, artifact=artifacts[event.artifact_id])


def execution_of(
    message: Message, state: ExecutionState, inputs: tuple[Edge, ...], outputs: tuple[Edge, ...], blobs: Blobs
) -> ExecutionRecord:
    """An execution with the edges that have events; its type's system type is not in the message."""
    bare = ExecutionRecord(
        name=message.name,
        type_name=message.type,
        state=state,
        project="",
        pipeline="",
        run="",
        node="",
        inputs=inputs,
        outputs=outputs,
        created_at=_seconds(message.create_time_since_epoch),
        finished_at=0.0 if state is ExecutionState.RUNNING else _seconds(message.last_update_time_since_epoch),
        id=message.id,
    )
    return rows.execution_of(row_of(message), bare, blobs)


def artifact_of(message: Message, blobs: Blobs) -> ArtifactRecord:
    """An artifact; its type's system type is not in the message."""
    created_at = _seconds(message.create_time_since_epoch)
    bare = ArtifactRecord(
        name=message.name, type_name=message.type, uri=message.uri, digest="", created_at=created_at, id=message.id
    )
    return rows.artifact_of(row_of(message), bare, blobs)


def run_of(message: Message, blobs: Blobs) -> RunRecord:
    """A run, from its context."""
    created_at = _seconds(message.create_time_since_epoch)
    bare = RunRecord(run=message.name, pipeline="", project="", created_at=created_at, id=message.id)
    return rows.run_of(row_of(message), bare, blobs)


def _seconds(milliseconds: int) -> float:
    return milliseconds / 1000
