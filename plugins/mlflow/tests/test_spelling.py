from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmcore_mlflow import spelling

PARTS = st.lists(st.text(alphabet="a/%2F", max_size=3), min_size=3, max_size=3)


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("loss", "loss"),
        ("train/loss at epoch", "train/loss at epoch"),
        ("précision", "précision"),
        ("f1@0.5", "f1:40:0.5"),
        ("val:loss", "val:3a:loss"),
        ("a//b", "a:2f::2f:b"),
        ("/etc", ":2f:etc"),
        ("..", ":2e::2e:"),
    ],
)
def test_names_are_escaped_where_mlflow_refuses_them(given_name: str, expected: str) -> None:
    assert spelling.name(given_name) == expected


@given(st.text(min_size=1, max_size=30))
def test_a_name_can_be_told_from_what_became_of_it(name: str) -> None:
    assert spelling.original(spelling.name(name)) == name


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore")  # MLflow's own warnings
@settings(deadline=None)  # the first one imports MLflow
@given(st.text(min_size=1, max_size=400))
def test_mlflow_takes_every_name_that_comes_out(name: str) -> None:
    from mlflow.utils.validation import path_not_unique, validate_param_and_metric_name

    spelled = spelling.name(name)
    assert validate_param_and_metric_name(spelled)  # type: ignore[no-untyped-call] # MLflow's
    assert not path_not_unique(spelled)  # type: ignore[no-untyped-call] # MLflow's
    assert len(spelled) <= 250


def test_long_names_that_differ_stay_different() -> None:
    assert spelling.name("x" * 400) != spelling.name("x" * 401)


def test_a_long_text_ends_in_its_digest() -> None:
    assert spelling.shortened("x" * 7000, 6000).endswith(
        "(7000 characters, sha256:bad0f0b22623cfbaabf400710fb4d10e784be480df86669d9bf50f4d1174d428)"
    )


def test_a_long_text_fits() -> None:
    assert len(spelling.shortened("x" * 7000, 6000)) == 6000


def test_what_databases_refuse_in_texts_is_spelled_out() -> None:
    assert spelling.shortened("a\0b\ud800", 100) == "a\\x00b\\ud800"


@pytest.mark.parametrize(
    ("alias", "expected"), [("champion", "champion"), ("v1", "alias-v1"), ("v1x", "v1x"), ("latest", "alias-latest")]
)
def test_aliases_that_mlflow_keeps_for_itself_are_renamed(alias: str, expected: str) -> None:
    assert spelling.alias(alias) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [("team", "team"), ("mlflow.parentRunId", "user.mlflow.parentRunId"), ("cmcore.run", "user.cmcore.run")],
)
def test_tags_of_people_cannot_pass_for_ours_or_mlflows(tag: str, expected: str) -> None:
    assert spelling.tag_name(tag) == expected


def test_infinities_are_the_largest_numbers_that_mlflow_keeps() -> None:
    assert spelling.number("-inf") == -1.7976931348623157e308


@given(PARTS, PARTS)
def test_names_under_which_something_is_remembered_never_meet(some: list[str], others: list[str]) -> None:
    assert (spelling.key(*some) == spelling.key(*others)) == (some == others)
