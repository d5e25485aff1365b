"""What a Provider accepts."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cmcore.hooks.provider import KINDS, Kind, Provider, did_you_mean

LAUNCHER = {"kind": "launcher", "name": "local", "factory": "pkg.mod:Launcher", "summary": "Workers here"}
COMPONENT = {"kind": "component", "name": "Train", "spec": "pkg:component_specs/Train.yaml", "summary": "Trains"}


@pytest.mark.parametrize("fields", [LAUNCHER, COMPONENT, LAUNCHER | {"options": "pkg.options:Options.Inner"}])
def test_well_formed_providers_are_accepted(fields: dict[str, str]) -> None:
    assert Provider.model_validate(fields).name == fields["name"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (LAUNCHER | {"kind": "launchr"}, "no kind 'launchr'; did you mean 'launcher'?"),
        (LAUNCHER | {"kind": "teapot"}, "Kinds: component, artifact_type, resolver, launcher, lineage"),
        (LAUNCHER | {"name": ""}, "'' is no name"),
        (LAUNCHER | {"name": "../local"}, "'../local' is no name"),
        (LAUNCHER | {"name": "x" * 64}, "is no name"),
        (LAUNCHER | {"factory": "pkg.mod.Launcher"}, "write 'package.module:name'"),
        (LAUNCHER | {"factory": "pkg.mod:"}, "is no import path"),
        (LAUNCHER | {"factory": "pkg-mod:Launcher"}, "is no import path"),
        (LAUNCHER | {"options": "Options"}, "'Options' is no import path"),
        (LAUNCHER | {"factory": ""}, "launcher 'local' needs factory="),
        (LAUNCHER | {"spec": "pkg:local.yaml"}, "launcher 'local' takes no spec="),
        (COMPONENT | {"spec": ""}, "component 'Train' needs spec="),
        (COMPONENT | {"spec": "pkg:../Train.yaml"}, "is no path of a packaged spec"),
        (COMPONENT | {"spec": "pkg:/etc/Train.yaml"}, "is no path of a packaged spec"),
        (COMPONENT | {"spec": "pkg:Train.json"}, "is no path of a packaged spec"),
        (COMPONENT | {"factory": "pkg:Train"}, "component 'Train' takes no factory="),
        (COMPONENT | {"options": "pkg:Options"}, "component 'Train' takes no options="),
        (LAUNCHER | {"summary": ""}, "is not one line of summary"),
        (LAUNCHER | {"summary": "one\ntwo"}, "is not one line of summary"),
        (LAUNCHER | {"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_with_a_provider_is_said(fields: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Provider.model_validate(fields)
    assert message in str(caught.value)


def test_a_provider_cannot_be_changed() -> None:
    provider = Provider.model_validate(LAUNCHER)
    with pytest.raises(ValidationError, match="frozen"):
        provider.name = "other"  # type: ignore[misc]  # that it is refused is the claim


def test_every_kind_has_its_rule() -> None:
    assert set(KINDS) == set(Kind)


def test_a_suggestion_does_not_care_for_case() -> None:
    assert did_you_mean("csvexamplgen", ["CsvExampleGen", "Trainer"]) == "; did you mean 'CsvExampleGen'?"


def test_nothing_is_suggested_where_nothing_is_close() -> None:
    assert did_you_mean("x", ["CsvExampleGen"]) == ""
