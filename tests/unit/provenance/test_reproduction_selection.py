"""Which nodes of an old run run again, and as what plan."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cmcore.components.spec import ComponentSpec, Effect
from cmcore.lineage.record import ExecutionRecord, ExecutionState
from cmcore.pipelines.document import CachePolicy, OnFailure
from cmcore.pipelines.plan import Code, NodeKind, Plan, PlannedNode
from cmcore.provenance.reproduction.selection import held, needed, published, reused_executions, selection
from cmcore.testing.records import an_execution

CODE = Code(digest="sha256:c", references=["steps:work"])


def node(name: str, *upstream: str, **changes: object) -> PlannedNode:
    given = {"kind": NodeKind.COMPONENT, "spec": ComponentSpec(name="Work"), "code": CODE, **changes}
    return PlannedNode(name=name, upstream=list(upstream), **given)  # type: ignore[arg-type] # a test names the fields


def plan(*nodes: PlannedNode) -> Plan:
    return Plan(pipeline="words", project="demo", roots=["/then"], nodes=list(nodes))


def complete(*names: str) -> Mapping[str, ExecutionRecord]:
    return {name: an_execution(f"r1/{name}/1", state=ExecutionState.COMPLETE) for name in names}


def test_a_component_runs_again() -> None:
    assert selection(plan(node("work")), complete("work")).again == ("work",)


def test_a_value_that_stands_in_the_pipeline_runs_again() -> None:
    found = selection(plan(node("five", kind=NodeKind.LITERAL, code=None)), complete("five"))
    assert found.again == ("five",)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": NodeKind.RESOLVER, "code": None}, "a query: what it found then is given again"),
        ({"kind": NodeKind.IMPORTER, "code": None}, "data from outside: its digest is checked"),
        ({"spec": ComponentSpec(name="Push", effect=Effect.EXTERNAL)}, "it changes the world outside: never run again"),
        ({"code": None, "in_process": True}, "its code was not kept: it had no import path"),
    ],
)
def test_what_must_not_or_cannot_run_again_is_given_with_a_reason(changes: dict[str, object], reason: str) -> None:
    found = selection(plan(node("it", **changes)), complete("it"))
    assert (found.again, found.given) == ((), {"it": reason})


def test_what_the_run_took_from_an_earlier_one_is_given() -> None:
    assert list(selection(plan(node("work")), complete("work"), reused=["work"]).given) == ["work"]


def test_what_published_nothing_then_is_left_out() -> None:
    assert list(selection(plan(node("work")), {}).left_out) == ["work"]


def test_only_given_nodes_that_somebody_reads_are_needed() -> None:
    found = plan(node("read"), node("unread"), node("work", "read"))
    assert needed(found, ["work"], {"read", "unread"}) == ["read"]


def test_the_last_published_execution_of_a_node_counts() -> None:
    failed = an_execution("r1/work/1", state=ExecutionState.FAILED)
    done = an_execution("r1/work/2", state=ExecutionState.COMPLETE)
    assert published([failed, done]) == {"work": done}


def test_reused_executions_are_read_from_the_options_of_a_run() -> None:
    assert reused_executions('{"chosen": ["b"], "reused": {"a": "r0/a/1"}}') == {"a": "r0/a/1"}


def test_a_run_without_a_choice_reused_nothing() -> None:
    assert reused_executions('{"chosen": []}') == {}


def test_the_held_plan_neither_asks_the_cache_nor_stops_at_a_failure() -> None:
    found = held(plan(node("work")), "r1", ["/now"]).node("work")
    assert (found.cache, found.on_failure) == (CachePolicy.OFF, OnFailure.CONTINUE)


def test_the_held_plan_is_imported_from_elsewhere() -> None:
    assert held(plan(node("work")), "r1", ["/now"]).roots == ["/now"]


@pytest.mark.parametrize(
    ("written", "held_as"),
    [
        ("${run.id}", "r1"),
        ("out/${run.id}/${params.x}", "out/r1/${params.x}"),
        ("$${run.id}", "$${run.id}"),
        ("${secret:TOKEN}", "${secret:TOKEN}"),
        (["${run.pipeline}", 3], ["${run.pipeline}", 3]),
    ],
)
def test_a_parameter_that_names_the_run_names_the_old_one(written: object, held_as: object) -> None:
    found = held(plan(node("work", parameters={"p": written})), "r1", [])
    assert found.node("work").parameters == {"p": held_as}
