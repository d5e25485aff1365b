"""What a look at the servers adds to what is remembered of an endpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cmcore.serving.backend import ServedModel, ServedState
from cmcore.serving.document import Endpoint, Variant
from cmcore.serving.states import DeploymentState
from cmcore.serving.status import Condition, condition_seen, status_document
from cmcore.serving.store import deployment_of
from cmcore.serving.values import Deployment, EndpointState, Revision
from cmcore.stack.serving import missing
from cmcore.testing.serving_memory import MemoryServer, MemoryServing
from tests.unit.serving.wanted import candidate


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    made = deployment_of("tiny", 1, candidate(tmp_path), at=0.0, project="demo")
    return replace(made, state=DeploymentState.WARM)


@pytest.fixture
def ready(deployment: Deployment) -> EndpointState:
    document = Endpoint(name="tiny", backend="memory", variants=(Variant(model="tiny@1.0.0"),))
    revision = Revision(
        endpoint="tiny", number=1, document=document, wanted={"main": 1}, resolved={}, actor="ada", at=0.0
    )
    return EndpointState(name="tiny", project="demo", revision=revision, traffic={"main": 1}, deployments=(deployment,))


@pytest.mark.parametrize(("lost", "condition"), [(set(), Condition.READY), ({1}, Condition.FAILED)])
def test_an_endpoint_whose_server_has_lost_it_is_not_ready(
    lost: set[int], condition: Condition, ready: EndpointState
) -> None:
    assert condition_seen(ready, {}, lost) is condition


def test_the_status_says_what_the_look_found(ready: EndpointState, deployment: Deployment) -> None:
    found = status_document(ready, [deployment], away={deployment.name: "its server is gone"})
    assert (found["condition"], found["reason"]) == ("FAILED", "its server is gone")


def test_a_warm_deployment_that_its_server_does_not_have_is_missing(deployment: Deployment) -> None:
    server = MemoryServer(running=True)
    assert list(missing([deployment], MemoryServing(server))) == [deployment.name]


def test_one_that_its_server_has_ready_is_not_missing(deployment: Deployment) -> None:
    backend = MemoryServing(MemoryServer())
    backend.start()
    backend.place(deployment.placement)
    backend.load(deployment.name)
    assert backend.models()[deployment.name] == ServedModel(name=deployment.name, state=ServedState.READY)
    assert missing([deployment], backend) == {}


def test_an_endpoint_that_is_being_updated_and_whose_server_is_gone_has_failed(ready: EndpointState) -> None:
    updating = replace(ready, revision=replace(ready.revision, wanted={"main": 2}))
    assert condition_seen(updating, {}, {1}) is Condition.FAILED
