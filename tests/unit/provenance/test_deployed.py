"""When a deployment had traffic, and what a text means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cmcore.inference.interface import Interface
from cmcore.lineage.record import Edge, ExecutionRecord
from cmcore.provenance.why.deployed import (
    Routing,
    Span,
    deployed_of,
    deployment_meant,
    present,
    routings,
    siblings,
    spans_of,
)
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


def move(at: float, **to: int) -> ExecutionRecord:
    """A recorded move of traffic: the deployment's number by variant."""
    traffic: JsonValue = {variant: {"name": deployment(number).name} for variant, number in to.items()}
    given = an_artifact(f"delays-traffic-{at:g}/route/1/traffic/0", properties={"traffic": traffic})
    edges = (Edge(key="traffic", index=0, artifact=given),)
    return replace(an_execution(f"delays-traffic-{at:g}/route/1", outputs=edges), created_at=at)


def routing(at: float, *variants: str) -> Routing:
    """What the deployment was from then on."""
    return Routing(at=at, variants=frozenset(variants))


def spans(moves: list[ExecutionRecord], traffic: int | None) -> list[Span]:
    """The times with traffic of the first deployment."""
    return spans_of(routings(deployment(1), state(traffic=traffic), moves), [])


@pytest.mark.parametrize(
    ("moves", "traffic", "times"),
    [
        ([], None, []),
        ([move(1, main=1)], 1, [Span(since=1)]),
        ([move(1, main=1), move(2, main=1, new=2)], 1, [Span(since=1)]),
        ([move(1, main=1), move(2, main=2)], 2, [Span(since=1, until=2)]),
        ([move(1, main=1), move(2, main=2), move(3, main=1)], 1, [Span(since=1, until=2), Span(since=3)]),
        ([move(1, main=1)], None, [Span(since=1, until=50)]),
        ([], 1, [Span(since=50)]),
        ([move(1, main=2)], 1, [Span(since=50)]),
    ],
    ids=["never", "has it", "shares it", "lost it", "again", "recycled", "not recorded yet", "moved since"],
)
def test_the_times_with_traffic_are(moves: list[ExecutionRecord], traffic: int | None, times: list[Span]) -> None:
    assert spans(moves, traffic) == times


def shared(at: float, **shares: float) -> Revision:
    """A revision with these shares, by variant."""
    variants = tuple(Variant(name=name, model="delays@1.0.0", share=share) for name, share in shares.items())
    return replace(FIRST, at=at, document=DOCUMENT.model_copy(update={"variants": variants}))


TURNED = [routing(30.0, "main"), routing(11.0, "old")]
RENAMED = [shared(20.0, main=100), shared(10.0, main=100, old=0)]


@pytest.mark.parametrize(
    ("share", "times"), [(True, [Span(since=30.0)]), (False, [Span(since=11.0, until=30.0)])], ids=["served", "loaded"]
)
def test_a_variant_without_a_share_is_loaded_and_has_no_traffic(share: bool, times: list[Span]) -> None:
    assert spans_of(TURNED, RENAMED, share=share) == times


def test_a_variant_gets_traffic_when_its_share_changes_although_nothing_else_does() -> None:
    revisions = [shared(20.0, main=0, old=100), shared(10.0, main=100, old=0)]
    assert spans_of([routing(11.0, "old")], revisions) == [Span(since=20.0)]


@given(st.lists(st.lists(st.sampled_from([1, 2, 3]), max_size=2, unique=True), max_size=8))
def test_times_with_traffic_never_overlap_and_only_the_last_is_open(to: Sequence[Sequence[int]]) -> None:
    moves = [move(float(at), **{f"v{number}": number for number in numbers}) for at, numbers in enumerate(to)]
    last = next(iter(to[-1]), None) if to else None
    found = spans(moves, last)
    ends = [span.until for span in found[:-1]]
    assert None not in ends
    assert all(end <= after.since for end, after in zip(ends, found[1:], strict=True) if end is not None)


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
    told = replace(
        deployed_of(deployment(1), [THIRD, SECOND, FIRST], [Span(since=1.0, until=2.0), Span(since=3.0)]),
        variants=("main",),
        without_share=(Span(since=2.0, until=3.0),),
    )
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
        "├── it was loaded at 0 % from 1970-01-01 00:00:02Z to 1970-01-01 00:00:03Z",
        "├── it has the traffic since 1970-01-01 00:00:03Z",
        "└── r1/train/1/model/0  Model sha256:r1/train/1/m",
    ],
)
def test_the_tree_begins_with_the_deployment(line: str, explanation: Explanation) -> None:
    assert line in lines(tree(explanation))


@pytest.mark.parametrize(
    ("variants", "told"),
    [
        ((), "once variant main of endpoint"),
        (("old",), "  variant old of endpoint"),
        (("main", "old"), "variants main, old of"),
    ],
)
def test_a_deployment_is_called_by_the_variants_that_it_is_now(
    variants: tuple[str, ...], told: str, explanation: Explanation
) -> None:
    assert explanation.deployed is not None
    now = replace(explanation, deployed=replace(explanation.deployed, variants=variants))
    assert told in tree(now).text


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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("delays-1.0.0-9", "no deployment 'delays-1.0.0-9'; delays has had delays-1.0.0-1"),
        ("other-1.0.0-1", ""),
        ("delays-9", ""),
    ],
)
def test_a_deployment_that_there_never_was_is_told_with_those_of_its_endpoint(
    text: str, told: str, endpoints: Endpoints
) -> None:
    assert siblings(text, endpoints) == told
