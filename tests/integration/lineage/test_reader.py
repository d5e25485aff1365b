"""A database written by cmcore, read in another process by code that uses nothing but `ml_metadata`."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cmcore.lineage.blobs import FolderBlobs
from cmcore.lineage.database import MlmdLineage
from cmcore.lineage.record import Edge, ExecutionState
from cmcore.testing.records import RUN, an_artifact, an_execution, completed, publish

pytestmark = pytest.mark.integration

READER = """
import json, sys
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as pb

config = pb.ConnectionConfig()
config.sqlite.filename_uri = sys.argv[1]
config.sqlite.connection_mode = 1
store = MetadataStore(config)

def value(found):
    return getattr(found, found.WhichOneof("value"))

def names_of(contexts):
    return sorted([context.type, context.name] for context in contexts)

def event(found):
    path = [value(step) for step in found.path.steps]
    return [pb.Event.Type.Name(found.type), path, names[found.artifact_id]]

names = {artifact.id: artifact.name for artifact in store.get_artifacts()}
executions = {}
for each in store.get_executions():
    executions[each.name] = {
        "type": each.type,
        "state": pb.Execution.State.Name(each.last_known_state),
        "properties": {key: value(found) for key, found in each.properties.items()},
        "custom": {key: value(found) for key, found in each.custom_properties.items()},
        "contexts": names_of(store.get_contexts_by_execution(each.id)),
        "events": sorted(event(found) for found in store.get_events_by_execution_ids([each.id])),
    }
artifacts = {}
for each in store.get_artifacts():
    artifacts[each.name] = {
        "id": each.id,
        "type": each.type,
        "state": pb.Artifact.State.Name(each.state),
        "custom": {key: value(found) for key, found in each.custom_properties.items()},
        "contexts": names_of(store.get_contexts_by_artifact(each.id)),
    }
parents = {}
for run in store.get_contexts_by_type("pipeline_run"):
    parents[run.name] = names_of(store.get_parent_contexts_by_context(run.id))
types = {each.name: pb.ArtifactType.SystemDefinedBaseType.Name(each.base_type) for each in store.get_artifact_types()}
print(json.dumps({"executions": executions, "artifacts": artifacts, "parents": parents, "types": types}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the reader sees of a run that trains, evaluates, skips a node and serves another from the cache."""
    folder = tmp_path_factory.mktemp("reader")
    lineage = MlmdLineage(f"sqlite:///{folder}/metadata.db", FolderBlobs(folder / "blobs"))
    write_a_run(lineage)
    lineage.close()
    return read(folder)


def read(folder: Path) -> dict[str, Any]:
    """What the reader sees of a database."""
    command = [sys.executable, "-c", READER, str(folder / "metadata.db")]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def write_a_run(lineage: MlmdLineage) -> None:
    lineage.open_run(RUN)
    model = publish(lineage, "r1/train/1", cache_key="sha256:k1", parameters={"rate": 0.1, "layers": [1, 2]})
    evaluation = an_execution("r1/eval/1", inputs=(Edge(key="model", index=0, artifact=model),))
    verdict = {"blessed": True, "current_model": model.digest, "baseline_model": ""}
    blessing = an_artifact("r1/eval/1/blessing/0", type_name="ModelBlessing", system_type="", properties=verdict)
    lineage.begin(evaluation)
    lineage.commit(completed(evaluation, blessing))
    lineage.commit(an_execution("r1/push/1", state=ExecutionState.SKIPPED, facts={"skip_reason": "not asked for"}))
    served = an_execution("r1/train/2", state=ExecutionState.CACHED, cache_key="sha256:k1")
    lineage.commit(replace(served, outputs=(Edge(key="model", index=0, artifact=model),)))
    found = an_execution("r1/pick/1", state=ExecutionState.COMPLETE, internal=True)
    lineage.commit(replace(found, outputs=(Edge(key="model", index=0, artifact=model),)))


def test_a_run_is_a_child_of_its_pipeline(seen: dict[str, Any]) -> None:
    assert seen["parents"] == {"r1": [["pipeline", "flights"]]}


def test_an_execution_is_in_its_contexts(seen: dict[str, Any]) -> None:
    assert seen["executions"]["r1/train/1"]["contexts"] == [
        ["cm.commit", "r1/train/1"],
        ["execution_cache", "sha256:k1"],
        ["node", "flights.train"],
        ["pipeline", "flights"],
        ["pipeline_run", "r1"],
    ]


def test_outputs_are_attributed_to_run_pipeline_and_node(seen: dict[str, Any]) -> None:
    contexts = seen["artifacts"]["r1/eval/1/blessing/0"]["contexts"]
    assert contexts[1:] == [["node", "flights.eval"], ["pipeline", "flights"], ["pipeline_run", "r1"]]


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("r1/train/1", "COMPLETE"),
        ("r1/eval/1", "COMPLETE"),
        ("r1/push/1", "CANCELED"),
        ("r1/train/2", "CACHED"),
        ("r1/pick/1", "COMPLETE"),
    ],
)
def test_states_are_those_of_ml_metadata(seen: dict[str, Any], name: str, state: str) -> None:
    assert seen["executions"][name]["state"] == state


@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("r1/train/1", [["OUTPUT", ["model", 0], "r1/train/1/model/0"]]),
        ("r1/train/2", [["OUTPUT", ["model", 0], "r1/train/1/model/0"]]),
        ("r1/pick/1", [["INTERNAL_OUTPUT", ["model", 0], "r1/train/1/model/0"]]),
        (
            "r1/eval/1",
            [["INPUT", ["model", 0], "r1/train/1/model/0"], ["OUTPUT", ["model", 0], "r1/eval/1/blessing/0"]],
        ),
    ],
)
def test_event_paths_are_key_and_index(seen: dict[str, Any], name: str, events: list[object]) -> None:
    assert seen["executions"][name]["events"] == events


def test_all_artifacts_are_live(seen: dict[str, Any]) -> None:
    assert {each["state"] for each in seen["artifacts"].values()} == {"LIVE"}


def test_types_have_their_system_types(seen: dict[str, Any]) -> None:
    assert (seen["types"]["Model"], seen["types"]["ModelBlessing"]) == ("MODEL", "UNSET")


def test_parameters_are_declared_properties(seen: dict[str, Any]) -> None:
    assert seen["executions"]["r1/train/1"]["properties"] == {"rate": 0.1, "layers__json": "[1,2]"}


def test_records_carry_project_and_actor(seen: dict[str, Any]) -> None:
    records = [*seen["executions"].values(), *seen["artifacts"].values()]
    assert {(each["custom"]["cm:project"], each["custom"]["cm:actor"]) for each in records} == {("demo", "ada")}


def test_split_folders_are_looked_for_by_tfx(seen: dict[str, Any]) -> None:
    stamp = seen["artifacts"]["r1/train/1/model/0"]["custom"]["tfx_version"]
    assert tuple(int(part) for part in stamp.split(".")) >= (0, 29, 0)


def test_a_blessing_names_its_model_by_the_id_of_this_database(seen: dict[str, Any]) -> None:
    custom = seen["artifacts"]["r1/eval/1/blessing/0"]["custom"]
    assert (custom["blessed"], custom["current_model_id"]) == (1, seen["artifacts"]["r1/train/1/model/0"]["id"])


def test_a_skip_says_why(seen: dict[str, Any]) -> None:
    assert seen["executions"]["r1/push/1"]["custom"]["cm:skip_reason"] == "not asked for"


def test_a_buried_artifact_is_deleted_and_says_when_and_why(tmp_path: Path) -> None:
    lineage = MlmdLineage(f"sqlite:///{tmp_path}/metadata.db", FolderBlobs(tmp_path / "blobs"))
    lineage.open_run(RUN)
    model = publish(lineage, "r1/train/1")
    lineage.bury([model.name], at=5.0, reason="too old")
    lineage.close()
    found = read(tmp_path)["artifacts"][model.name]
    tombstone = found["custom"]["cm:deleted_at"], found["custom"]["cm:deleted_reason"]
    assert (found["state"], tombstone, found["custom"]["cm:digest"]) == ("DELETED", (5.0, "too old"), model.digest)
