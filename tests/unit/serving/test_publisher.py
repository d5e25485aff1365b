"""Deployments and traffic in the lineage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState, RunRecord
from cmcore.serving.controller import Controller
from cmcore.serving.publisher import Publisher
from cmcore.serving.store import Endpoints
from cmcore.state.database import StateDatabase
from cmcore.state.lease import Lease
from cmcore.testing.serving_memory import MemoryServer, MemoryServing
from tests.unit.serving.test_controller import settle
from tests.unit.serving.wanted import Clock, candidate, document

MODEL = "train/trainer/1/model/0"
DEPLOYED = "endpoint-tiny-1.0.0-1/deploy/1"


@pytest.fixture
def lineage() -> MemoryLineage:
    """A store that knows the model's training."""
    store = MemoryLineage()
    model = ArtifactRecord(name=MODEL, type_name="Model", uri="file:///model", digest="sha256:1")
    store.open_run(RunRecord(run="train", pipeline="flights", project="demo"))
    store.commit(ExecutionRecord(
        name="train/trainer/1", type_name="Trainer", state=ExecutionState.COMPLETE, project="demo", pipeline="flights",
        run="train", node="trainer", outputs=(Edge(key="model", index=0, artifact=model),),
    ))  # fmt: skip
    return store


@pytest.fixture
def publisher(database: StateDatabase, lineage: MemoryLineage) -> Publisher:
    return Publisher(database=database, lineage=lineage, project="demo")


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


@pytest.fixture
def controller(endpoints: Endpoints, lease: Lease, server: MemoryServer) -> Controller:
    return Controller(endpoints, lease, lambda _: MemoryServing(server), clock=Clock())


@pytest.fixture
def deployed(endpoints: Endpoints, controller: Controller, tmp_path: Path) -> None:
    """An endpoint whose first version has traffic."""
    wanted = candidate(tmp_path)
    version = type(wanted.version)(reference="tiny@1.0.0", artifact=MODEL, digest="sha256:1")
    endpoints.apply(document(), [type(wanted)(
        variant="main", version=version, backend=wanted.backend, placement=wanted.placement, identity="one",
    )])  # fmt: skip
    settle(controller)


@pytest.mark.usefixtures("deployed")
def test_a_deployment_reads_its_model_and_gives_a_deployed_model(publisher: Publisher, lineage: MemoryLineage) -> None:
    publisher.publish()
    found = lineage.execution(DEPLOYED)
    assert found is not None
    assert ([edge.artifact.name for edge in found.inputs], [edge.artifact.type_name for edge in found.outputs]) == (
        [MODEL], ["DeployedModel"],
    )  # fmt: skip


@pytest.mark.usefixtures("deployed")
def test_a_move_of_traffic_reads_what_it_sends_clients_to(publisher: Publisher, lineage: MemoryLineage) -> None:
    publisher.publish()
    deployment = lineage.artifact(f"{DEPLOYED}/deployment/0")
    assert deployment is not None
    assert [(it.type_name, it.outputs[0].artifact.type_name) for it in lineage.consumers(deployment)] == [
        ("MoveTraffic", "EndpointTraffic")
    ]


@pytest.mark.usefixtures("deployed")
def test_publishing_again_changes_nothing(publisher: Publisher, lineage: MemoryLineage) -> None:
    publisher.publish()
    before = [run.run for run in lineage.runs()]
    assert (publisher.publish(), [run.run for run in lineage.runs()]) == (0, before)


@pytest.mark.usefixtures("deployed")
def test_a_restart_of_the_server_is_no_new_deployment(
    publisher: Publisher, lineage: MemoryLineage, controller: Controller, server: MemoryServer
) -> None:
    publisher.publish()
    before = lineage.execution(DEPLOYED)
    server.kill()
    settle(controller)
    publisher.publish()
    assert lineage.execution(DEPLOYED) == before


def test_a_refused_version_is_a_failed_execution_with_its_reason(
    endpoints: Endpoints, controller: Controller, publisher: Publisher, lineage: MemoryLineage, tmp_path: Path
) -> None:
    endpoints.apply(document(), [candidate(tmp_path, refuses="no weights")])
    settle(controller)
    publisher.publish()
    found = lineage.execution(DEPLOYED)
    assert found is not None
    assert (found.state, "no weights" in str(found.facts["failure.message"])) == (ExecutionState.FAILED, True)


@pytest.mark.usefixtures("deployed")
def test_another_project_publishes_nothing_of_it(database: StateDatabase, lineage: MemoryLineage) -> None:
    other = Publisher(database=database, lineage=lineage, project="other")
    assert (other.publish(), lineage.execution(DEPLOYED)) == (0, None)


def test_the_models_of_an_ensemble_are_read_too(
    endpoints: Endpoints, controller: Controller, publisher: Publisher, lineage: MemoryLineage, tmp_path: Path
) -> None:
    wanted = candidate(tmp_path)
    part = replace(wanted.version, reference="part@1.0.0", artifact=MODEL)
    endpoints.apply(document(), [replace(wanted, version=replace(wanted.version, artifact=MODEL), others=(part,))])
    settle(controller)
    publisher.publish()
    found = lineage.execution(DEPLOYED)
    assert found is not None
    assert [(edge.key, edge.index, edge.artifact.name) for edge in found.inputs] == [
        ("model", 0, MODEL), ("model", 1, MODEL),
    ]  # fmt: skip
