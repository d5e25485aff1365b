"""How an endpoint is, in one word and in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cmcore.serving.backend import Address, Traffic
from cmcore.serving.states import DeploymentState
from cmcore.serving.status import Condition, condition, condition_seen, status_document
from cmcore.serving.store import Endpoints
from cmcore.serving.values import EndpointState, Hold
from tests.unit.serving.wanted import candidate, document

S = DeploymentState
HELD = Hold(reason="no route", failures=1, until=1.0)


@pytest.fixture
def state(endpoints: Endpoints, tmp_path: Path) -> EndpointState:
    """A second version is wanted beside a first one."""
    endpoints.apply(document(), [candidate(tmp_path)])
    endpoints.apply(document("tiny@1.1.0"), [candidate(tmp_path, "1.1.0")])
    return endpoints.state("tiny")


def standing(state: EndpointState, states: list[DeploymentState], traffic: Mapping[str, int]) -> EndpointState:
    """The endpoint with its deployments in these states."""
    found = tuple(replace(each, state=now) for each, now in zip(state.deployments, states, strict=True))
    return replace(state, deployments=found, traffic=traffic)


@pytest.mark.parametrize(
    ("states", "traffic", "refused", "hold", "expected"),
    [
        ([S.WARM, S.DECLARED], {"main": 1}, {}, None, Condition.UPDATING),
        ([S.WARM, S.WARM], {"main": 1}, {}, None, Condition.UPDATING),
        ([S.DRAINING, S.WARM], {"main": 2}, {}, None, Condition.READY),
        ([S.WARM, S.FAILED], {"main": 1}, {2: "broken"}, None, Condition.DEGRADED),
        ([S.WARM, S.DECLARED], {"main": 1}, {}, HELD, Condition.DEGRADED),
        ([S.GONE, S.FAILED], {}, {2: "broken"}, None, Condition.FAILED),
        ([S.GONE, S.PLACED], {"main": 2}, {}, HELD, Condition.FAILED),
        ([S.GONE, S.PLACED], {"main": 2}, {}, None, Condition.UPDATING),
    ],
)
def test_the_condition_says_what_clients_can_expect(
    states: list[DeploymentState], traffic: dict[str, int], refused: dict[int, str], hold: Hold | None,
    expected: Condition, state: EndpointState,
) -> None:  # fmt: skip
    assert condition(replace(standing(state, states, traffic), hold=hold), refused) is expected


def test_a_recycled_endpoint_says_whether_anything_is_left(endpoints: Endpoints, state: EndpointState) -> None:
    endpoints.recycle("tiny")
    recycled = endpoints.state("tiny")
    assert (condition(recycled, {}), condition(replace(recycled, deployments=()), {})) == (
        Condition.RECYCLING, Condition.RECYCLED,
    )  # fmt: skip


def test_the_document_names_where_clients_ask(state: EndpointState) -> None:
    serving = standing(state, [S.DRAINING, S.WARM], {"main": 2})
    address = Address(model="tiny-1.1.0-2", rest="http://host:1", grpc="host:2", metadata={"application": "a"})
    found = status_document(serving, list(serving.deployments), {"tiny-1.1.0-2": address})
    assert found["variants"] == [
        {
            "variant": "main", "share": 100.0, "version": "tiny@1.1.0", "model": "tiny-1.1.0-2",
            "rest": "http://host:1", "grpc": "host:2", "metadata": {"application": "a"},
        }
    ]  # fmt: skip


def test_the_document_counts_requests_where_the_server_tells(state: EndpointState) -> None:
    serving = standing(state, [S.DRAINING, S.WARM], {"main": 2})
    found = status_document(serving, list(serving.deployments), traffic={"tiny-1.1.0-2": Traffic(answered=7)})
    assert isinstance(found["deployments"], list)
    assert [it["requests"] for it in found["deployments"] if isinstance(it, dict)] == [
        None, {"answered": 7, "failed": 0, "pending": 0},
    ]  # fmt: skip


def test_a_refused_version_stays_in_the_document_with_its_reason(state: EndpointState) -> None:
    refused = standing(state, [S.WARM, S.REJECTED], {"main": 1})
    told = [refused.deployments[0], replace(refused.deployments[1], reason="broken weights")]
    found = status_document(refused, told)
    assert (found["condition"], found["reason"]) == ("DEGRADED", "broken weights")


def test_a_variant_without_a_share_does_not_serve(endpoints: Endpoints, tmp_path: Path) -> None:
    both = [candidate(tmp_path), candidate(tmp_path, "1.1.0", variant="v1")]
    endpoints.apply(document("tiny@1.0.0", "tiny@1.1.0"), both)
    found = standing(endpoints.state("tiny"), [S.WARM, S.WARM], {"main": 1, "v1": 2})
    assert (condition_seen(found, {}, {1}), condition_seen(found, {}, {2})) == (Condition.FAILED, Condition.DEGRADED)
