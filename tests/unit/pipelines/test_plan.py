from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.pipelines.plan import Plan, downstream, selected, upstream
from tests.unit.runtime.world import chain, plans

YAML = """
parameters: {n: {type: "int | None", default: null}, m: {type: int}}
nodes:
  make: {component: make, with: {seed: "${params.n}"}, retries: {attempts: 2}}
  train: {component: train, with: {examples: "${make.examples}"}, timeout_s: 5, labels: {a: b}}
"""


@st.composite
def choices(draw: st.DrawFn) -> tuple[Plan, set[str]]:
    plan = draw(plans())
    return plan, draw(st.sets(st.sampled_from([node.name for node in plan.nodes])))


def test_a_plan_is_read_back_as_it_was_written(planned: Callable[..., Plan]) -> None:
    plan = planned(YAML, {"m": 3})
    assert Plan.model_validate_json(plan.encoded()).encoded() == plan.encoded()


@given(plan=plans())
def test_any_plan_is_read_back_as_it_was_written(plan: Plan) -> None:
    assert Plan.model_validate_json(plan.encoded()) == plan


def test_what_a_parameter_requires_survives_the_plan_s_text(planned: Callable[..., Plan]) -> None:
    again = Plan.model_validate_json(planned(YAML, {"m": 3}).encoded())
    assert {key: it.required for key, it in again.node("make").spec.parameters.items()} == {
        "rows": False,
        "seed": False,
    }


def test_a_plan_says_which_version_of_the_format_it_is(planned: Callable[..., Plan]) -> None:
    assert '"version":1' in planned(YAML, {"m": 3}).encoded()


def test_a_plan_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        Plan.model_validate_json(chain("a").encoded().replace('"version":1', '"version":2'))


def test_every_parameter_has_the_layer_that_set_it(planned: Callable[..., Plan]) -> None:
    layers = {key: it.layer for key, it in planned(YAML, {"m": 3}).parameters.items()}
    assert layers == {"n": "default", "m": "set"}


def test_the_places_of_conditions_maps_and_containers_are_in_the_schema() -> None:
    node = Plan.model_json_schema()["$defs"]["PlannedNode"]["properties"]
    assert {"when", "map", "container"} <= set(node)


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ({}, "abcd"), ({"first": ["b"]}, "bcd"), ({"last": ["b"]}, "ab"), ({"first": ["b"], "last": ["c"]}, "bc"),
        ({"only": ["c"]}, "c"), ({"first": ["c"], "last": ["b"]}, ""),
    ],
)  # fmt: skip
def test_parts_of_a_chain(asked: dict[str, list[str]], left: str) -> None:
    assert selected(chain("a", "b", "c", "d"), **asked) == set(left)


@given(chosen=choices())
def test_nothing_is_upstream_of_what_is_not_downstream_of_it(chosen: tuple[Plan, set[str]]) -> None:
    plan, names = chosen
    above = {name for name in upstream(plan, names) if names & downstream(plan, [name])}
    assert above == upstream(plan, names)


@given(chosen=choices())
def test_what_is_downstream_of_the_downstream_is_downstream(chosen: tuple[Plan, set[str]]) -> None:
    plan, names = chosen
    below = downstream(plan, names)
    assert downstream(plan, below) <= below | names


@given(chosen=choices())
def test_neither_contains_the_nodes_themselves(chosen: tuple[Plan, set[str]]) -> None:
    plan, names = chosen
    assert (upstream(plan, names) | downstream(plan, names)) & names == set()


@given(chosen=choices())
def test_from_and_to_keep_what_is_asked_for(chosen: tuple[Plan, set[str]]) -> None:
    plan, names = chosen
    assert names <= selected(plan, first=names) & selected(plan, last=names)


@given(chosen=choices())
def test_what_to_leaves_can_run_by_itself(chosen: tuple[Plan, set[str]]) -> None:
    plan, names = chosen
    left = selected(plan, last=names)
    assert {up for name in left for up in plan.node(name).upstream} <= left
