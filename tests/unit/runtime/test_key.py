from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.components.spec import ParameterSpec
from cmcore.lineage.record import ArtifactRecord
from cmcore.pipelines.plan import Code, PlannedNode
from cmcore.resources import Resources
from cmcore.runtime.key import Difference, differences, key_of, key_parts
from tests.unit.runtime.world import step

PARTS = st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4) | st.none(), max_size=5)


def artifact(digest: str, name: str = "r/n/1/out/0") -> ArtifactRecord:
    return ArtifactRecord(name=name, type_name="Files", uri="file:///a", digest=digest)


def key(node: PlannedNode, digests: tuple[str, ...] = ("1",), **parameters: object) -> str:
    return key_of(key_parts(node, {"read": tuple(artifact(it) for it in digests)}, parameters))


def changed(**changes: object) -> PlannedNode:
    return step("a").model_copy(update=changes)


def changed_spec(**changes: object) -> PlannedNode:
    return changed(spec=step("a").spec.model_copy(update=changes))


@pytest.mark.parametrize(
    "node",
    [
        changed(name="b"), changed(labels={"x": "y"}), changed(timeout_s=9.0), changed(upstream=["z"]),
        changed_spec(summary="Other words."), changed_spec(resources=Resources(cpu_cores=9)),
    ],
)  # fmt: skip
def test_what_does_not_change_the_result_does_not_change_the_key(node: PlannedNode) -> None:
    assert key(node) == key(step("a"))


@pytest.mark.parametrize(
    "node",
    [
        changed(code=Code(digest="sha256:edited")), changed_spec(name="Other"),
        changed_spec(executor="workload:other"), changed_spec(parameters={"n": ParameterSpec(type="int")}),
    ],
)  # fmt: skip
def test_what_may_change_the_result_changes_the_key(node: PlannedNode) -> None:
    assert key(node) != key(step("a"))


@pytest.mark.parametrize("digests", [("2",), (), ("1", "1"), ("1", "2")])
def test_other_bytes_change_the_key(digests: tuple[str, ...]) -> None:
    assert key(step("a"), digests) != key(step("a"))


def test_the_order_of_a_list_of_inputs_counts() -> None:
    assert key(step("a"), ("1", "2")) != key(step("a"), ("2", "1"))


def test_equal_bytes_under_another_name_do_not() -> None:
    parts = [key_parts(step("a"), {"read": (artifact("1", name),)}, {}) for name in ("r/n/1/out/0", "s/m/2/out/0")]
    assert parts[0] == parts[1]


def test_a_parameter_s_value_counts_and_their_order_does_not() -> None:
    assert (key(step("a"), x=1, y=2) == key(step("a"), y=2, x=1), key(step("a"), x=1) == key(step("a"), x=2)) == (
        True, False,
    )  # fmt: skip


def test_a_secret_counts_by_its_reference() -> None:
    assert "${secret:api}" in str(key_parts(step("a"), {}, {"token": "${secret:api}"}))


@given(before=PARTS, now=PARTS)
def test_keys_differ_where_and_only_where_a_part_does(before: dict[str, object], now: dict[str, object]) -> None:
    assert (key_of(before) == key_of(now)) is (differences(before, now) == [])


def test_a_part_that_only_one_has_is_absent_in_the_other() -> None:
    assert differences({"a": 1}, {"b": 2}) == [
        Difference(part="a", before=1, now="absent"), Difference(part="b", before="absent", now=2),
    ]  # fmt: skip
