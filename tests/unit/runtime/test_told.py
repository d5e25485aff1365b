"""What the journal is told of a run: enough for every reader, in an order that it can follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from pydantic import JsonValue

from cmcore.components.intent import Intent
from cmcore.errors import RefusedError
from cmcore.events import Event, EventKind
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState
from cmcore.runtime.job import FailureCode
from cmcore.runtime.publish import told_of
from cmcore.runtime.states import NodeState
from cmcore.tracked import Point
from tests.unit.runtime.world import RAISES, KilledError, World, chain, plan, step

MakeWorld = Callable[..., World]
POINT = Point(at=1.0, name="loss", step=0, value=0.5)
INTENT = Intent(kind="register", output="out", data={"model": "flights"})


class Register:
    """Gives a digest of what is asked for the same version for ever."""

    def __init__(self) -> None:
        self.calls = 0

    def apply(self, intent: Intent, execution: ExecutionRecord) -> Mapping[str, JsonValue]:
        self.calls += 1
        return {"version": "1.0.0"}

    def stale(self, intent: Intent, execution: ExecutionRecord, properties: Mapping[str, JsonValue]) -> str:
        return ""


class Refuse(Register):
    def apply(self, intent: Intent, execution: ExecutionRecord) -> Mapping[str, JsonValue]:
        raise RefusedError("not blessed")


def told(world: World, kind: EventKind, node: str = "") -> list[Event]:
    """The events of a kind in the journal of the newest run."""
    run = world.ledger.runs.list(limit=1)[0].run
    return [it for it in world.journal.of_run(run) if it.kind is kind and it.node == node]


def test_the_start_of_a_run_says_what_was_asked_for(world: World) -> None:
    world.run(chain("a", "b"))
    data = told(world, EventKind.RUN_STARTED)[0].data
    assert (data["pipeline"], data["project"], data["actor"], data["nodes"]) == ("graph", "tests", "tester", ["a", "b"])


def test_an_attempt_says_what_it_reads(world: World) -> None:
    world.run(chain("a", "b"))
    inputs = told(world, EventKind.ATTEMPT_SUBMITTED, "b")[0].data["inputs"]
    assert [(it["key"], it["type"]) for it in inputs] == [("read", "Files")]  # type: ignore[union-attr,index,call-overload] # JSON


def test_the_end_of_a_node_has_its_metrics_and_its_place_in_ml_metadata(world: World) -> None:
    world.run(chain("a"))
    data = told(world, EventKind.NODE_FINISHED, "a")[0].data
    assert (data["metrics"], bool(data["execution_id"])) == ({"auc": 0.9}, True)


def test_a_cached_node_has_the_metrics_of_the_original(world: World) -> None:
    world.run(chain("a"))
    world.run(chain("a"))
    data = told(world, EventKind.NODE_FINISHED, "a")[0].data
    assert (data["state"], data["metrics"]) == ("CACHED", {"auc": 0.9})


def test_what_was_tracked_is_journaled_before_the_end_of_its_node(make_world: MakeWorld) -> None:
    world = make_world(tracks={"a": [POINT]})
    world.run(chain("a"))
    kinds = [event.kind for event in world.heard if event.node == "a"]
    assert kinds.index(EventKind.ATTEMPT_TRACKED) < kinds.index(EventKind.NODE_FINISHED)


def test_what_a_failed_attempt_tracked_is_journaled_too(make_world: MakeWorld) -> None:
    world = make_world(tracks={"a": [POINT]}, script={"a": [RAISES]})
    world.run(chain("a"))
    assert told(world, EventKind.ATTEMPT_TRACKED, "a")[0].data["records"] == [POINT.model_dump(mode="json")]


def test_what_an_executor_asks_for_is_carried_out_before_the_record(make_world: MakeWorld) -> None:
    world = make_world(asks={"a": [INTENT]}, effects={"register": Register()})
    result = world.run(chain("a"))
    assert result.artifact("a", "out").properties == {"version": "1.0.0"}


def test_a_refused_effect_is_the_failure_of_its_node(make_world: MakeWorld) -> None:
    result = make_world(asks={"a": [INTENT]}, effects={"register": Refuse()}).run(chain("a"))
    failure = result.nodes["a"].failure
    assert failure is not None
    assert (failure.code, failure.message) == (FailureCode.EFFECT_REFUSED, "not blessed")


@pytest.mark.parametrize("writes", range(3, 9))
def test_an_effect_whose_driver_was_killed_is_carried_out_again_and_published_once(
    make_world: MakeWorld, writes: int
) -> None:
    world = make_world(asks={"a": [INTENT]}, effects={"register": Register()})
    graph = plan(step("a"))
    world.doom.left = writes
    with pytest.raises(KilledError):
        world.run(graph)
    world.doom.left = -1
    run = world.ledger.runs.list(limit=1)[0].run
    result = world.resume(run)
    assert (result.nodes["a"].state, world.executions(run, "a").count("COMPLETE")) == (NodeState.COMPLETE, 1)


def test_a_number_that_a_node_returns_is_a_metric_of_it() -> None:
    edges = tuple(
        Edge(key=key, index=0, artifact=ArtifactRecord(name=key, type_name="Float", uri="", digest="", facts=facts))
        for key, facts in {"loss": {"value": 0.5}, "done": {"value": True}, "model": {}}.items()
    )
    record = ExecutionRecord(
        name="run-1/train/1", type_name="Train", state=ExecutionState.COMPLETE, project="p", pipeline="p", run="run-1",
        node="train", facts={"metric.auc": 0.9}, outputs=edges,
    )  # fmt: skip
    assert told_of(record)["metrics"] == {"loss": 0.5, "auc": 0.9}
