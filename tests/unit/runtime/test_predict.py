"""Predictions: what a run would do, compared with what it then does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from cmcore.components.spec import ComponentSpec, InputSpec, OutputSpec
from cmcore.pipelines.catalog import Catalog
from cmcore.pipelines.contract import importer_contract
from cmcore.pipelines.document import CachePolicy, Importer, Node
from cmcore.pipelines.plan import Code, NodeKind, Plan, PlannedNode, Source
from cmcore.pipelines.resolver import Found, LatestArtifact, Query
from cmcore.runtime.predict import Expectation, Prediction, as_document, predictions
from cmcore.runtime.states import NodeState
from tests.unit.runtime.world import RAISES, World, chain, plan, plans, states, step

MakeWorld = Callable[..., World]
ANY_WORLD = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
HIT, MISS, UNKNOWN, SKIP = Expectation.HIT, Expectation.MISS, Expectation.UNKNOWN, Expectation.SKIP
AS_PREDICTED = {HIT: {NodeState.CACHED}, MISS: {NodeState.COMPLETE}, UNKNOWN: {NodeState.CACHED, NodeState.COMPLETE}}


def predicted(world: World, wanted: Plan) -> dict[str, Prediction]:
    """The predictions by node."""
    return {each.node: each for each in predictions(wanted, world.backends())}


def expected(world: World, wanted: Plan) -> dict[str, Expectation]:
    """What is expected of each node."""
    return {name: each.expectation for name, each in predicted(world, wanted).items()}


def edited(wanted: Plan, name: str, digest: str = "sha256:edited") -> Plan:
    """The plan after one node's code was edited."""
    nodes = [
        node.model_copy(update={"code": Code(digest=digest)} if node.name == name else {}) for node in wanted.nodes
    ]
    return wanted.model_copy(update={"nodes": nodes})


def importer(uri: Path) -> PlannedNode:
    """A node that imports a file."""
    contract = importer_contract(Node(importer=Importer(uri=str(uri), type="Files")), Catalog())
    return PlannedNode(
        name="data", kind=NodeKind.IMPORTER, spec=contract.spec, parameters=dict(contract.arguments), reference=""
    )


def resolver() -> PlannedNode:
    """A node that finds the latest files."""
    parameters: dict[str, JsonValue] = {"type": "Files", "any_pipeline": False}
    spec = LatestArtifact().spec(parameters)
    return PlannedNode(
        name="latest", kind=NodeKind.RESOLVER, spec=spec, parameters=parameters, reference="latest-artifact"
    )


def reader(name: str, source: Source, *, optional: bool = True) -> PlannedNode:
    """A node that reads one output of another."""
    spec = ComponentSpec(
        name="Reader", inputs={"read": InputSpec(type="Files", optional=optional)},
        outputs={"out": OutputSpec(type="Files")}, executor="workload:reader",
    )  # fmt: skip
    return PlannedNode(
        name=name, kind=NodeKind.COMPONENT, spec=spec, inputs={"read": [source]}, upstream=[source.node],
        code=Code(digest="sha256:reader"),
    )  # fmt: skip


def test_in_a_fresh_project_the_first_nodes_miss_and_the_rest_is_unknown(world: World) -> None:
    assert expected(world, chain("a", "b", "c")) == {"a": MISS, "b": UNKNOWN, "c": UNKNOWN}


def test_unknown_names_the_node_that_must_run_first(world: World) -> None:
    assert [each.until for each in predicted(world, chain("a", "b", "c")).values()] == ["", "a", "a"]


def test_after_a_run_everything_hits(world: World) -> None:
    world.run(chain("a", "b", "c"))
    assert set(expected(world, chain("a", "b", "c")).values()) == {HIT}


def test_a_miss_names_the_part_that_changed_and_both_values(world: World) -> None:
    world.run(chain("a", "b"))
    found = predicted(world, edited(chain("a", "b"), "b"))["b"]
    (difference,) = found.differences
    assert (difference.part, difference.before, difference.now) == ("code", "sha256:b", "sha256:edited")


def test_a_miss_says_since_when(world: World) -> None:
    run = world.run(chain("a")).run
    assert predicted(world, edited(chain("a"), "a"))["a"].reason == f"code changed since {run}/a/1"


def test_a_node_that_never_ran_says_so(world: World) -> None:
    assert predicted(world, chain("a"))["a"].reason == "it never ran in this pipeline"


def test_a_node_whose_last_execution_failed_says_so(make_world: MakeWorld) -> None:
    world = make_world(script={"a": [RAISES]})
    run = world.run(chain("a")).run
    assert predicted(world, chain("a"))["a"].reason == f"{run}/a/1 ended without a result"


def test_a_closed_cache_is_a_miss_with_that_reason(world: World) -> None:
    world.run(chain("a"))
    assert predicted(world, chain("a", cache=CachePolicy.REFRESH))["a"].reason == "a refresh was asked for"


def test_data_that_was_never_imported_is_a_miss_whose_readers_are_known(world: World, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("data")
    wanted = plan(importer(tmp_path / "x"), reader("r", Source(node="data", output="artifact")))
    assert expected(world, wanted) == {"data": MISS, "r": MISS}


def test_data_that_is_not_there_fails_and_its_readers_are_skipped(world: World, tmp_path: Path) -> None:
    wanted = plan(importer(tmp_path / "nope"), reader("r", Source(node="data", output="artifact")))
    assert expected(world, wanted) == {"data": Expectation.FAIL, "r": SKIP}


def test_a_resolver_is_asked_now(world: World) -> None:
    run = world.run(chain("a")).run
    found = predicted_with_resolver(world, plan(resolver()))
    assert (found["latest"].expectation, found["latest"].reason) == (Expectation.FOUND, f"{run}/a/1/out/0")


def test_a_reader_of_nothing_is_skipped(world: World) -> None:
    wanted = plan(resolver(), reader("r", Source(node="latest", output="artifact"), optional=False))
    assert predicted_with_resolver(world, wanted)["r"].expectation is SKIP


def test_a_resolver_behind_a_node_that_will_run_is_unknown(world: World) -> None:
    behind = resolver().model_copy(update={"upstream": ["a"]})
    assert predicted_with_resolver(world, plan(step("a"), behind))["latest"].until == "a"


def predicted_with_resolver(world: World, wanted: Plan) -> dict[str, Prediction]:
    """The predictions where the resolver of the latest artifact is installed."""
    backends = replace(world.backends(), resolvers={"latest-artifact": LatestArtifact})
    return {each.node: each for each in predictions(wanted, backends)}


class Broken:
    """A resolver that breaks."""

    def spec(self, parameters: object) -> ComponentSpec:
        raise NotImplementedError

    def resolve(self, query: Query) -> Found:
        raise ZeroDivisionError("oh")


def test_a_resolver_that_breaks_is_named(world: World) -> None:
    backends = replace(world.backends(), resolvers={"latest-artifact": Broken})
    (found,) = predictions(plan(resolver()), backends)
    assert found.reason == "resolver 'latest-artifact' failed: ZeroDivisionError: oh"


def test_a_prediction_has_a_json_form(world: World) -> None:
    assert as_document(predicted(world, chain("a"))["a"]) == {
        "node": "a", "expectation": "miss", "reason": "it never ran in this pipeline", "until": "", "last": "",
        "differences": [],
    }  # fmt: skip


def test_predicting_records_nothing(world: World) -> None:
    run = world.run(chain("a")).run
    predictions(edited(chain("a", "b"), "a"), world.backends())
    assert len(world.lineage.executions(run)) == 1


@ANY_WORLD
@given(wanted=plans(), data=st.data())
def test_a_run_does_what_was_predicted(make_world: MakeWorld, wanted: Plan, data: st.DataObject) -> None:
    world = make_world()
    world.run(wanted)
    changed = edited(wanted, data.draw(st.sampled_from([node.name for node in wanted.nodes])))
    before = expected(world, changed)
    after = states(world.run(changed))
    assert [name for name, state in after.items() if state not in AS_PREDICTED[before[name]]] == []
