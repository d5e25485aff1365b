"""When a deployment had traffic, and what a text means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.cli.naming import deployed_artifact
from cmcore.inference.interface import Interface
from cmcore.lineage.record import Edge, ExecutionRecord
from cmcore.provenance.why.deployed import Span, deployed_of, deployment_meant, present, spans_of
from cmcore.provenance.why.document import explanation_document
from cmcore.provenance.why.explanation import Explanation
from cmcore.provenance.why.picture import picture
from cmcore.provenance.why.tree import lines, tree
from cmcore.serving.backend import Flavor, Placement
from cmcore.serving.document import DeploymentConfig, Endpoint, Variant
from cmcore.serving.store import Candidate, Endpoints
from cmcore.serving.tables import SERVING_BRANCH
from cmcore.serving.values import Deployment, EndpointState, Revision, ServedVersion
from cmcore.state.database import StateDatabase
from cmcore.state.migration import STATE_BRANCH
from cmcore.testing.records import an_artifact, an_execution

DOCUMENT = Endpoint(name="delays", backend="triton", variants=(Variant(model="delays@production"),))
FIRST = Revision(
    endpoint="delays", number=1, document=DOCUMENT, wanted={"main": 1}, resolved={"main": "delays@1.0.0"},
    actor="ada", at=10.0, reason="first one",
)  # fmt: skip
SECOND = replace(FIRST, number=2, wanted={"main": 2}, resolved={"main": "delays@1.1.0"}, at=20.0, reason="better")
THIRD = replace(FIRST, number=3, at=30.0, reason="rolled back")


def deployment(number: int) -> Deployment:
    """The endpoint's deployment of that number."""
    placement = Placement(
        name=f"delays-1.{number - 1}.0-{number}",
        folder=Path("/models"),
        interface=Interface(inputs=(), outputs=()),
        flavor=Flavor(name="onnx", factory="m:f"),
        deployment=DeploymentConfig(instances=2),
    )
    version = ServedVersion(reference=f"delays@1.{number - 1}.0", artifact="", digest="sha256:x")
    return Deployment(
        endpoint="delays", number=number, variant="main", backend="triton", version=version, identity="sha256:id",
        placement=placement, since=40.0,
    )  # fmt: skip


def state(*, traffic: int | None, moved_at: float = 50.0) -> EndpointState:
    """The endpoint with its traffic at a deployment."""
    to = {} if traffic is None else {"main": traffic}
    return EndpointState(name="delays", project="demo", revision=THIRD, traffic=to, moved_at=moved_at)


def move(at: float, *numbers: int) -> ExecutionRecord:
    """A recorded move of traffic to these deployments."""
    read = [an_artifact(deployed_artifact(deployment(number).name)) for number in numbers]
    edges = tuple(Edge(key="deployments", index=index, artifact=it) for index, it in enumerate(read))
    return replace(an_execution(f"delays-traffic-{at:g}/route/1", inputs=edges), created_at=at)


@pytest.mark.parametrize(
    ("moves", "traffic", "spans"),
    [
        ([], None, []),
        ([move(1, 1)], 1, [Span(since=1)]),
        ([move(1, 1), move(2, 1, 2)], 1, [Span(since=1)]),
        ([move(1, 1), move(2, 2)], 2, [Span(since=1, until=2)]),
        ([move(1, 1), move(2, 2), move(3, 1)], 1, [Span(since=1, until=2), Span(since=3)]),
        ([move(1, 1)], None, [Span(since=1, until=50)]),
        ([], 1, [Span(since=50)]),
        ([move(1, 2)], 1, [Span(since=50)]),
    ],
    ids=["never", "has it", "shares it", "lost it", "again", "recycled", "not recorded yet", "moved since"],
)
def test_the_times_with_traffic_are(moves: list[ExecutionRecord], traffic: int | None, spans: list[Span]) -> None:
    assert spans_of(deployment(1), state(traffic=traffic), moves) == spans


@given(st.lists(st.lists(st.sampled_from([1, 2, 3]), max_size=2, unique=True), max_size=8))
def test_times_with_traffic_never_overlap_and_only_the_last_is_open(to: Sequence[Sequence[int]]) -> None:
    moves = [move(float(at), *numbers) for at, numbers in enumerate(to)]
    last = next(iter(to[-1]), None) if to else None
    spans = spans_of(deployment(1), state(traffic=last), moves)
    ends = [span.until for span in spans[:-1]]
    assert None not in ends
    assert all(end <= after.since for end, after in zip(ends, spans[1:], strict=True) if end is not None)


def test_a_deployment_is_told_with_the_revision_that_first_wanted_it_and_the_later_ones() -> None:
    found = deployed_of(deployment(1), [THIRD, SECOND, FIRST], [])
    assert (found.revision, found.actor, found.why, found.later) == (1, "ada", "first one", (3,))


@pytest.mark.parametrize(
    ("traffic", "revisions", "number"),
    [(2, [SECOND, FIRST], 2), (None, [replace(THIRD, wanted={}), SECOND, FIRST], 2)],
    ids=["what has the traffic", "what was wanted last"],
)
def test_an_endpoint_means(traffic: int | None, revisions: list[Revision], number: int) -> None:
    found = present(state(traffic=traffic), [deployment(1), deployment(2)], revisions)
    assert found is not None
    assert found.number == number


@pytest.fixture
def explanation() -> Explanation:
    told = deployed_of(deployment(1), [THIRD, SECOND, FIRST], [Span(since=1.0, until=2.0), Span(since=3.0)])
    return Explanation(asked="delays", artifact=an_artifact("r1/train/1/model/0"), deployed=told)


@pytest.mark.parametrize(
    "line",
    [
        "delays-1.0.0-1  variant main of endpoint delays",
        "├── deployed by ada, 1970-01-01 00:00:10Z, revision 1: first one; wanted by revision 3 too",
        "├── backend triton, flavor onnx",
        '├── deployment config: {"instances": 2}',
        "├── version, backend and configs: sha256:id",
        "├── DECLARED since 1970-01-01 00:00:40Z",
        "├── it had the traffic from 1970-01-01 00:00:01Z to 1970-01-01 00:00:02Z",
        "├── it has the traffic since 1970-01-01 00:00:03Z",
        "└── r1/train/1/model/0  Model sha256:r1/train/1/m",
    ],
)
def test_the_tree_begins_with_the_deployment(line: str, explanation: Explanation) -> None:
    assert line in lines(tree(explanation))


def test_the_document_has_the_times_with_traffic(explanation: Explanation) -> None:
    found = explanation_document(explanation)["deployed"]
    assert isinstance(found, dict)
    assert found["traffic"] == [{"since": 1.0, "until": 2.0}, {"since": 3.0, "until": None}]


def test_the_picture_leads_from_the_version_to_the_endpoint(explanation: Explanation) -> None:
    assert 'deployed -- "traffic since 1970-01-01 00:00:03Z" --> endpoint' in picture(explanation)


@pytest.fixture
def endpoints(tmp_path: Path) -> Endpoints:
    """With one endpoint, `delays`, and its one deployment, `delays-1.0.0-1`."""
    database = StateDatabase.open(f"sqlite:///{tmp_path}/state.db", branches=[STATE_BRANCH, SERVING_BRANCH])
    found = Endpoints(database, project="demo", actor="ada")
    first = deployment(1)
    found.apply(
        DOCUMENT,
        [
            Candidate(
                variant="main", version=first.version, backend="triton", placement=first.placement, identity="sha256:id"
            )
        ],
    )
    return found


@pytest.mark.parametrize("text", ["delays-1.0.0-1", "delays-1.0.0-1/1", "delays"])
def test_a_deployment_is_meant_by(text: str, endpoints: Endpoints) -> None:
    found = deployment_meant(text, endpoints)
    assert found is not None
    assert found.name == "delays-1.0.0-1"


@pytest.mark.parametrize("text", ["delays-1.0.0-2", "delays/1", "run/node/model", "delays-1.0.0-1/x", "sha256:12"])
def test_no_deployment_is_meant_by(text: str, endpoints: Endpoints) -> None:
    assert deployment_meant(text, endpoints) is None
