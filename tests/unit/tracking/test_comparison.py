"""In what runs differ, as a table."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from cmcore.tracking.comparison import Group, Row, as_json, best_of, compared
from cmcore.tracking.values import TrackedArtifact, TrackedMetric, TrackedParam, TrackedRun

RUN = TrackedRun(
    run="a", pipeline="flights", project="demo", actor="ana", state="SUCCEEDED", created_at=0.0, finished_at=60.0,
    source="/work/flights.py", commit="c1", changes="", environment="sha256:e", command=("cm", "run", "flights.py"),
)  # fmt: skip


def metric(name: str, value: float, node: str = "train") -> TrackedMetric:
    return TrackedMetric(node=node, name=name, value=value)


def param(name: str, text: str, node: str = "", layer: str = "default") -> TrackedParam:
    return TrackedParam(node=node, name=name, text=text, layer=layer)


def artifact(node: str, output: str, digest: str, *, imported: bool = False, uri: str = "/d") -> TrackedArtifact:
    return TrackedArtifact(
        node=node, output=output, name=f"{node}/{output}", type="Files", uri=uri, digest=digest, imported=imported
    )


def rows(group: Group, *runs: TrackedRun) -> dict[str, tuple[str | None, ...]]:
    return {row.name: row.values for row in compared(runs).rows if row.group is group}


def test_runs_that_are_equal_differ_in_nothing() -> None:
    assert compared([RUN, replace(RUN, run="b")]).differing == ()


def test_a_parameter_says_who_set_it() -> None:
    one = replace(RUN, params=(param("lr", "0.1"),))
    other = replace(RUN, params=(param("lr", "0.2", layer="set"),))
    assert compared([one, other]).rows[0] == Row(
        group=Group.PARAMETERS, name="lr", values=("0.1", "0.2"), numbers=(0.1, 0.2), layers=("default", "set")
    )


def test_a_parameter_that_only_one_run_has_differs() -> None:
    assert rows(Group.PARAMETERS, replace(RUN, params=(param("lr", "0.1"),)), RUN) == {"lr": ("0.1", None)}


def test_a_parameter_that_a_node_was_only_passed_is_not_repeated() -> None:
    run = replace(RUN, params=(param("lr", "0.1"), param("lr", "0.1", "train", "node")))
    assert rows(Group.PARAMETERS, run, run) == {"lr": ("0.1", "0.1")}


@pytest.mark.parametrize(("given", "got"), [("2", "2.0"), ("1e-3", "0.001"), ("nan", "nan")])
def test_a_number_that_a_node_was_only_passed_may_be_spelled_otherwise(given: str, got: str) -> None:
    run = replace(RUN, params=(param("rate", given, layer="set"), param("rate", got, "fit", "node")))
    assert list(rows(Group.PARAMETERS, run, run)) == ["rate"]


@pytest.mark.parametrize(("given", "got"), [("2", "2.5"), ("x", "y"), ("2", "x")])
def test_a_value_that_a_node_got_instead_is_shown(given: str, got: str) -> None:
    run = replace(RUN, params=(param("rate", given, layer="set"), param("rate", got, "fit", "node")))
    assert list(rows(Group.PARAMETERS, run, run)) == ["rate", "fit.rate"]


def test_a_parameter_that_a_node_has_otherwise_is_its_own() -> None:
    run = replace(RUN, params=(param("lr", "0.1"), param("lr", "0.2", "train", "node")))
    assert rows(Group.PARAMETERS, run) == {"lr": ("0.1",), "train.lr": ("0.2",)}


def test_what_an_executor_chose_is_a_row_of_its_own() -> None:
    run = replace(RUN, params=(param("lr", "0.1"), param("lr", "0.1", "train", "executor")))
    assert rows(Group.PARAMETERS, run) == {"lr": ("0.1",), "train.lr": ("0.1",)}


def test_a_metric_has_its_nodes_name_where_there_are_several() -> None:
    run = replace(RUN, metrics=(metric("auc", 0.9), metric("auc", 0.8, "eval"), metric("loss", 0.1)))
    assert list(rows(Group.METRICS, run)) == ["train.auc", "eval.auc", "loss"]


def test_nan_equals_nan() -> None:
    run = replace(RUN, metrics=(metric("loss", math.nan),))
    assert not compared([run, run]).differing


def test_what_differs_comes_first() -> None:
    one = replace(RUN, metrics=(metric("a", 1.0), metric("b", 1.0), metric("c", 1.0)))
    other = replace(RUN, metrics=(metric("a", 1.0), metric("b", 2.0), metric("c", 1.0)))
    assert [row.name for row in compared([one, other]).rows if row.group is Group.METRICS] == ["b", "a", "c"]


def test_data_are_compared_by_digest_and_place() -> None:
    one, other = (
        replace(RUN, artifacts=(artifact("raw", "artifact", digest, imported=True, uri="data"),)) for digest in "12"
    )
    assert rows(Group.DATA, one, other) == {"raw": ("1", "2"), "raw (place)": ("data", "data")}


def test_outputs_are_compared_by_digest() -> None:
    one, other = (replace(RUN, artifacts=(artifact("train", "model", digest),)) for digest in "12")
    assert rows(Group.OUTPUTS, one, other) == {"train.model": ("1", "2")}


def test_code_is_compared_by_commit_changes_and_environment() -> None:
    other = replace(RUN, commit="c2", changes="sha256:d")
    assert [row.name for row in compared([RUN, other]).differing] == ["commit", "changes"]


def test_tags_are_compared() -> None:
    assert rows(Group.TAGS, replace(RUN, tags={"team": "x"}), replace(RUN, tags={"team": "y"})) == {"team": ("x", "y")}


@pytest.mark.parametrize(
    ("numbers", "up", "down", "expected"),
    [
        ((0.1, 0.3, 0.2), True, False, (1,)),
        ((0.1, 0.3, 0.2), False, True, (0,)),
        ((0.3, 0.1, 0.3), True, False, (0, 2)),
        ((0.1, 0.1), True, False, ()),
        ((None, math.nan, 0.1), True, False, ()),
        ((math.inf, 0.1, math.nan, None), True, False, (0,)),
        ((0.1, 0.2), False, False, ()),
        ((0.1, 0.2), True, True, ()),
    ],
)
def test_the_best_are_those_that_are_known_to_be(
    numbers: tuple[float | None, ...], up: bool, down: bool, expected: tuple[int, ...]
) -> None:
    assert best_of(numbers, up=up, down=down) == expected


@pytest.mark.parametrize("name", ["loss", "train.loss"])
def test_what_is_best_is_said_by_name_or_by_node_and_name(name: str) -> None:
    one, other = (replace(RUN, metrics=(metric("loss", value),)) for value in (0.2, 0.1))
    assert compared([one, other], minimise=[name]).rows[0].best == (1,)


def test_json_has_numbers_as_numbers() -> None:
    one, other = (replace(RUN, metrics=(metric("auc", value),)) for value in (0.2, math.nan))
    assert as_json(compared([one, other], maximise=["auc"]))["rows"][0] == {  # type: ignore[index, call-overload]
        "group": "metrics", "name": "auc", "differs": True, "values": [0.2, "nan"],
    }  # fmt: skip


def test_json_is_json() -> None:
    run = replace(RUN, metrics=(metric("auc", math.inf),), params=(param("lr", "1"),))
    assert "Infinity" not in json.dumps(as_json(compared([run, RUN])))
