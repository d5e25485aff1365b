"""What `--set` means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cmcore.cli.sets import parameter_values, split
from cmcore.components.spec import ParameterSpec
from cmcore.errors import UsageError

DECLARED = {
    "epochs": ParameterSpec(type="int", default=1),
    "name": ParameterSpec(type="str"),
    "cfg": ParameterSpec(type="dict", default={"lr": 1, "deep": {"a": 1, "b": 2}}),
    "none": ParameterSpec(type="dict | None", default=None),
}


def test_settings_are_told_from_parameters_by_their_heads() -> None:
    found = split(["run.workers=3", "stack.lineage=sqlite:///x", "epochs=2"])
    assert (list(found.settings), list(found.parameters)) == (["run.workers", "stack.lineage"], ["epochs"])


def test_the_last_of_two_values_counts() -> None:
    assert split(["epochs=2", "epochs=3"]).parameters == {"epochs": "3"}


@pytest.mark.parametrize("text", ["epochs", "=3", " =3", ""])
def test_a_text_without_key_or_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--set takes key=value"):
        split([text])


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("epochs", "3", {"epochs": 3}),
        ("epochs", "three", {"epochs": "three"}),
        ("name", "1.10", {"name": "1.10"}),
        ("cfg", '{"lr": 2}', {"cfg": {"lr": 2}}),
        ("cfg.lr", "0.5", {"cfg": {"lr": 0.5, "deep": {"a": 1, "b": 2}}}),
        ("cfg.deep.b", "null", {"cfg": {"lr": 1, "deep": {"a": 1, "b": None}}}),
        ("cfg.new.x", "text", {"cfg": {"lr": 1, "deep": {"a": 1, "b": 2}, "new": {"x": "text"}}}),
        ("none.x", "1", {"none": {"x": 1}}),
    ],
)
def test_value(key: str, text: str, expected: dict[str, JsonValue]) -> None:
    assert parameter_values({key: text}, DECLARED, {}) == expected


def test_a_field_changes_what_the_layer_below_says() -> None:
    assert parameter_values({"cfg.lr": "2"}, DECLARED, {"cfg": {"lr": 1, "z": 0}}) == {"cfg": {"lr": 2, "z": 0}}


def test_two_fields_of_one_parameter_add_up() -> None:
    assert parameter_values({"none.a": "1", "none.b": "2"}, DECLARED, {}) == {"none": {"a": 1, "b": 2}}


def test_an_unknown_parameter_is_refused_with_what_was_meant() -> None:
    with pytest.raises(UsageError, match=r"'epoch' does not exist; did you mean 'epochs'\? \(parameters: epochs, "):
        parameter_values({"epoch": "1"}, DECLARED, {})


def test_a_field_of_a_number_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no field 'x' inside 1"):
        parameter_values({"epochs.x": "1"}, DECLARED, {})


@given(st.text())
def test_any_text_reaches_a_text_parameter_as_it_is(text: str) -> None:
    assert parameter_values({"name": text}, DECLARED, {}) == {"name": text}
