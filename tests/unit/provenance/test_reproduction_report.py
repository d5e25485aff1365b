"""What a reproduction comes to, and what could not be held fixed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cmcore.components.code.environment import Environment
from cmcore.components.spec import ComponentSpec, ParameterSpec
from cmcore.pipelines.plan import NodeKind, Plan, PlannedNode
from cmcore.provenance.reproduction.code import Checkout
from cmcore.provenance.reproduction.data import DataCheck, Standing
from cmcore.provenance.reproduction.packages import Change
from cmcore.provenance.reproduction.report import (
    NONDETERMINISTIC,
    READ_CHANGED,
    UNHELD,
    Packages,
    Report,
    explained,
    not_held,
    report_document,
)
from cmcore.provenance.reproduction.verdict import NodeComparison, Verdict
from cmcore.testing.records import an_artifact

THEN = Environment(
    python="3.11.7", implementation="cpython", platform="Linux-6", interpreter="cpython-3.11", packages=("a==1", "b==1")
)
CHECKOUT = Checkout(project=Path("/code"), roots=(Path("/code"),), commit="c0ffee")
PLAN = Plan(pipeline="words", project="demo", nodes=[])
EQUAL, DIFFERS, FAILED, GIVEN = (
    NodeComparison(node=name, verdict=verdict)
    for name, verdict in (
        ("same", Verdict.EQUAL), ("other", Verdict.DIFFERS), ("broken", Verdict.FAILED), ("push", Verdict.GIVEN),
    )
)  # fmt: skip


def report(*nodes: NodeComparison, accepted: tuple[str, ...] = ()) -> Report:
    return Report(
        run="r1", again="r2", pipeline="words", at=0.0, checkout=CHECKOUT, packages=Packages.CURRENT, nodes=nodes,
        accepted=frozenset(accepted),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("nodes", "accepted", "verified"),
    [
        ((EQUAL,), (), True),
        ((EQUAL, GIVEN), (), True),
        ((EQUAL, DIFFERS), (), False),
        ((EQUAL, DIFFERS), ("other",), True),
        ((EQUAL, FAILED), (), False),
        ((EQUAL, FAILED), ("broken",), True),
        ((DIFFERS,), ("other",), False),
        ((GIVEN,), (), False),
    ],
)
def test_verified_means_that_something_is_equal_and_nothing_unaccepted_differs(
    nodes: tuple[NodeComparison, ...], accepted: tuple[str, ...], verified: bool
) -> None:
    assert report(*nodes, accepted=accepted).verified is verified


def changes(now: Environment = THEN, checkout: Checkout = CHECKOUT, data: tuple[DataCheck, ...] = ()) -> list[Change]:
    return list(not_held(THEN, now, (None, None), checkout, data, PLAN, []))


def test_nothing_is_named_where_everything_is_as_it_was() -> None:
    assert changes() == []


def test_files_that_were_not_committed_are_named_where_the_commit_stands_for_them() -> None:
    checkout = replace(CHECKOUT, uncommitted=f"sha256:{'d' * 64}")
    assert changes(checkout=checkout) == [
        Change(what="uncommitted files other than kept code", then="sha256:dddddddddddd", now="as in commit c0ffee")
    ]


def test_packages_that_changed_came_or_went_are_named() -> None:
    assert changes(replace(THEN, packages=("b==2", "c==1"))) == [
        Change(what="a", then="1", now="not installed"),
        Change(what="b", then="1", now="2"),
        Change(what="c", then="not installed", now="1"),
    ]


def test_another_patch_version_of_python_is_named() -> None:
    assert changes(replace(THEN, python="3.11.9")) == [
        Change(what="python", then="cpython 3.11.7", now="cpython 3.11.9")
    ]


def test_code_that_could_not_be_laid_over_is_named_by_node_and_file() -> None:
    found = changes(checkout=replace(CHECKOUT, differing={"train": ("steps.py",)}))
    assert found == [Change(what="code of train", then="steps.py", now="other content")]


def check(standing: Standing) -> DataCheck:
    artifact = an_artifact("r1/raw/1/artifact/0", uri="file:///data")
    return DataCheck(node="raw", then=artifact, now=replace(artifact, digest="sha256:new"), standing=standing)


@pytest.mark.parametrize(
    ("standing", "named"),
    [
        (Standing.SAME, []),
        (Standing.CHECKED_OUT, []),
        (Standing.CHANGED, ["data file:///data"]),
        (Standing.DECLARED, ["data file:///data"]),
    ],
)
def test_data_is_named_where_it_is_not_known_to_be_the_same(standing: Standing, named: list[str]) -> None:
    assert [change.what for change in changes(data=(check(standing),))] == named


def test_a_run_that_recorded_no_environment_says_so() -> None:
    found = not_held(None, THEN, (None, None), CHECKOUT, (), PLAN, [])
    assert [(change.what, change.then) for change in found] == [("environment", "not recorded")]


def test_another_processor_is_named() -> None:
    found = not_held(THEN, THEN, ({"cpu": "Ada 1"}, {"cpu": "Ada 2"}), CHECKOUT, (), PLAN, [])
    assert found == (Change(what="cpu", then="Ada 1", now="Ada 2"),)


def test_the_secrets_of_nodes_that_ran_are_named() -> None:
    spec = ComponentSpec(name="Load", parameters={"token": ParameterSpec(type="Secret[str]")})
    node = PlannedNode(name="load", kind=NodeKind.COMPONENT, spec=spec, parameters={"token": "${secret:TOKEN}"})
    plan = Plan(pipeline="words", project="demo", nodes=[node])
    found = not_held(THEN, THEN, (None, None), CHECKOUT, (), plan, ["load"])
    assert [change.what for change in found] == ["secret TOKEN"]


def test_a_node_that_differs_with_everything_held_is_nondeterministic() -> None:
    unknown = Change(what="cpu", then="not recorded", now="Ada 2")
    assert explained([DIFFERS], [unknown], [])[0].reason == NONDETERMINISTIC


def test_a_node_that_differs_with_something_not_held_may_differ_for_that() -> None:
    assert explained([DIFFERS], [Change(what="a", then="1", now="2")], [])[0].reason == UNHELD


def test_a_node_that_read_changed_data_differs_for_that() -> None:
    assert explained([DIFFERS], [], ["other"])[0].reason == READ_CHANGED


def test_a_node_that_is_equal_needs_no_reason() -> None:
    assert explained([EQUAL], [Change(what="a", then="1", now="2")], ["same"]) == (EQUAL,)


def test_the_document_tells_what_was_held_and_what_came_of_it() -> None:
    document = report_document(report(EQUAL, DIFFERS, accepted=("other",)))
    assert (document["verified"], document["code"], document["accepted"]) == (
        True,
        {"commit": "c0ffee", "laid_over": []},
        ["other"],
    )
