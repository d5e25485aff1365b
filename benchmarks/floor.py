"""The floor under the cost of a node: the two bare ML-Metadata writes per component, and one synced JSON file.

Run as `python -m benchmarks.floor COUNT FOLDER [--worker]` in a process of its own. The rows have the shape of
cmcore's: the same contexts, events, artifact and number of properties. With `--worker` it is the bare loop: a worker
process stages the file, digests and renames it, and nothing is synced by us. Imports nothing of cmcore.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2

CONTEXT_TYPES = ("pipeline", "pipeline_run", "node", "execution_cache", "cm.commit")
DIGEST = "sha256:" + 64 * "0"
PARTS = json.dumps({f"part {number}": DIGEST for number in range(7)})
Message = Any  # ML-Metadata declares its messages at run time
pb: Message = metadata_store_pb2


class Floor:
    """A store with the types, and the contexts of one run."""

    def __init__(self, folder: Path) -> None:
        config = pb.ConnectionConfig()
        config.sqlite.filename_uri = str(folder / "metadata.db")
        config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = MetadataStore(config)
        self.types = {name: self.store.put_context_type(pb.ContextType(name=name)) for name in CONTEXT_TYPES}
        self.execution_type = self.store.put_execution_type(pb.ExecutionType(name="append"))
        self.artifact_type = self.store.put_artifact_type(pb.ArtifactType(name="Numbers"))
        run = [self.context("pipeline", "chain"), self.context("pipeline_run", "chain-1")]
        self.run = [pb.Context(id=number) for number in self.store.put_contexts(run)]

    def context(self, kind: str, name: str) -> Message:
        return with_properties(pb.Context(type_id=self.types[kind], name=name), project="p", actor="a")

    def begin(self, name: str, read: int) -> tuple[int, list[int]]:
        """The first write: a RUNNING execution, its input, its node and its cache key."""
        contexts = [*self.run, self.context("node", name), self.context("execution_cache", DIGEST + name)]
        event = pb.Event(type=pb.Event.INPUT, artifact_id=read)
        pairs = [(None, located(event, "before"))] if read else []
        execution_id, _, context_ids = self.put(self.execution(name, pb.Execution.RUNNING), pairs, contexts)
        return execution_id, context_ids

    def commit(self, name: str, execution_id: int, context_ids: list[int]) -> int:
        """The second write: COMPLETE, with the output and the context that can be inserted once only."""
        artifact = pb.Artifact(type_id=self.artifact_type, name=f"{name}/numbers/0", uri=name, state=pb.Artifact.LIVE)
        with_properties(artifact, project="p", actor="a", digest=DIGEST, pipeline="chain", size="1", type="t", tfx="1")
        contexts = [pb.Context(id=number) for number in context_ids]
        execution = self.execution(name, pb.Execution.COMPLETE, duration_s="0.001")
        execution.id = execution_id
        event = located(pb.Event(type=pb.Event.OUTPUT), "numbers")
        _, (artifact_id,), _ = self.put(execution, [(artifact, event)], [*contexts, self.context("cm.commit", name)])
        return int(artifact_id)

    def execution(self, name: str, state: int, **facts: str) -> Message:
        message = pb.Execution(type_id=self.execution_type, name=name, last_known_state=state)
        return with_properties(
            message, project="p", actor="a", place=name, key=DIGEST, code=DIGEST, parts=PARTS, **facts
        )

    def put(
        self, execution: Message, pairs: list[Message], contexts: list[Message]
    ) -> tuple[int, list[int], list[int]]:
        return self.store.put_execution(
            execution, pairs, contexts, reuse_context_if_already_exist=True, force_reuse_context=True
        )


def with_properties(message: Message, **properties: str) -> Message:
    for key, value in properties.items():
        message.custom_properties[f"cm:{key}"].string_value = value
    return message


def located(event: Message, key: str) -> Message:
    event.path.steps.add().key = key
    event.path.steps.add().index = 0
    return event


def synced(folder: Path, name: str) -> None:
    """The JSON file of a component, on disk."""
    with (folder / f"{name}.json").open("w") as file:
        json.dump([0], file)
        file.flush()
        os.fsync(file.fileno())


def staged(folder: Path, name: str) -> str:
    """The JSON file of a component as the bare loop writes it: staged, digested, renamed, not synced."""
    stage = folder / f"{name}.part"
    stage.write_text(json.dumps([0]), encoding="ascii")
    digest = hashlib.sha256(stage.read_bytes()).hexdigest()
    stage.rename(folder / f"{name}.json")
    return digest


def in_worker() -> Callable[[Path, str], object]:
    """`staged`, done by another process."""
    ours, theirs = multiprocessing.Pipe()
    multiprocessing.get_context("fork").Process(target=serve, args=(theirs,), daemon=True).start()

    def ask(folder: Path, name: str) -> object:
        ours.send((folder, name))
        return ours.recv()

    return ask


def serve(pipe: Message) -> None:
    while True:
        pipe.send(staged(*pipe.recv()))


def main(count: int, folder: Path, *, worker: bool) -> None:
    """Record `count` components, each reading what the one before it wrote."""
    write = in_worker() if worker else synced
    floor = Floor(folder)
    artifact = 0
    for number in range(count):
        name = f"append-{number}"
        execution_id, context_ids = floor.begin(name, artifact)
        write(folder, name)
        artifact = floor.commit(name, execution_id, context_ids)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), worker="--worker" in sys.argv)
