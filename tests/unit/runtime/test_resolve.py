from __future__ import annotations

import math

import pytest

from cmcore.components.spec import ComponentSpec, InputSpec, ParameterSpec
from cmcore.errors import UsageError
from cmcore.lineage.record import ArtifactRecord
from cmcore.pipelines.plan import LayeredValue, NodeKind, Plan, PlannedNode, Source
from cmcore.runtime.resolve import Given, given_to


def artifact(value: object = None, name: str = "r/up/1/out/0") -> ArtifactRecord:
    return ArtifactRecord(name=name, type_name="Integer", uri="file:///a", digest="1", facts={"value": value})


def given(
    parameters: dict[str, object], types: dict[str, str] | None = None, value: object = 3, **inputs: InputSpec
) -> Given:
    """What a node gets whose upstream node `up` published one artifact under `out` and nothing under `none`."""
    types = types or dict.fromkeys(parameters, "json")
    spec = ComponentSpec(
        name="Node", inputs=inputs, parameters={key: ParameterSpec(type=it) for key, it in types.items()}
    )
    node = PlannedNode(
        name="node", kind=NodeKind.COMPONENT, spec=spec, parameters=parameters, upstream=["up"],
        inputs={key: [Source(node="up", output=key)] for key in inputs},
    )  # fmt: skip
    plan = Plan(
        pipeline="p", project="tests", nodes=[node], environment={"HOME": "/root"},
        parameters={"n": LayeredValue(value=7, layer="set"), "text": LayeredValue(value="${run.id}", layer="set")},
    )  # fmt: skip
    two = (artifact(name="r/up/1/two/0"), artifact(name="r/up/1/two/1"))
    published = {"up": {"out": (artifact(value),), "none": (), "two": two}}
    return given_to(plan, node, published, "run-1")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${params.n}", 7), ("n=${params.n}", "n=7"), ("${env.HOME}/x", "/root/x"), ("${run.id}", "run-1"),
        ("${run.pipeline} of ${run.project}", "p of tests"), ("${up.out}", 3), ({"a": ["${up.out}"]}, {"a": [3]}),
        ("$${up.out}", "${up.out}"), ("${params.text}", "${run.id}"), ("${secret:api}", "${secret:api}"),
    ],
)  # fmt: skip
def test_every_reference_has_its_value_and_secrets_stay_references(written: object, value: object) -> None:
    assert given({"x": written}).parameters == {"x": value}


def test_a_field_of_an_output_is_taken() -> None:
    assert given({"x": "${up.out.a.b}"}, value={"a": {"b": 5}}).parameters == {"x": 5}


def test_a_value_that_its_type_does_not_take_is_refused() -> None:
    with pytest.raises(UsageError, match=r"Node: parameter 'x' \(int\): input should be a valid integer, found 'a'"):
        given({"x": "${up.out}"}, {"x": "int"}, value="a")


@pytest.mark.parametrize("value", [math.nan, math.inf, [1.0, math.nan], {"a": math.nan}])
def test_a_parameter_takes_no_nan_from_an_output(value: object) -> None:
    with pytest.raises(UsageError, match="a parameter cannot hold NaN"):
        given({"x": "${up.out}"}, value=value)


def test_an_output_without_a_value_is_refused() -> None:
    with pytest.raises(UsageError, match="was asked for as a value; that output holds none"):
        given({"x": "${up.none}"})


def test_an_input_that_nothing_came_for_is_missing() -> None:
    assert given({}, none=InputSpec(type="Integer")).missing == "input 'none' is empty: up.none gave no artifact"


def test_an_optional_input_may_stay_empty() -> None:
    got = given({}, none=InputSpec(type="Integer", optional=True))
    assert (got.missing, got.inputs["none"]) == ("", ())


def test_an_input_for_one_takes_no_two() -> None:
    with pytest.raises(UsageError, match="input 'two' of Node takes one Integer, found 2"):
        given({}, two=InputSpec(type="Integer"))


def test_a_list_input_takes_all() -> None:
    assert len(given({}, two=InputSpec(type="Integer", list=True)).inputs["two"]) == 2
