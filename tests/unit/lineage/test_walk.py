"""Walks, and how they are shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionState
from cmcore.lineage.walk import as_json, downstream, mermaid, payload_gone, tree_lines, upstream
from cmcore.testing.records import RUN, an_execution, publish


@pytest.fixture
def lineage() -> MemoryLineage:
    store = MemoryLineage(clock=lambda: 0.0)
    store.open_run(RUN)
    return store


@pytest.fixture
def first(lineage: MemoryLineage) -> ArtifactRecord:
    return publish(lineage, "r1/gen/1")


@pytest.fixture
def last(lineage: MemoryLineage, first: ArtifactRecord) -> ArtifactRecord:
    """The end of a diamond: gen feeds left and right, both feed join."""
    return publish(lineage, "r1/join/1", publish(lineage, "r1/left/1", first), publish(lineage, "r1/right/1", first))


def test_a_diamond_is_walked_once(lineage: MemoryLineage, last: ArtifactRecord) -> None:
    assert [each.node for each in upstream(lineage, last).executions] == ["join", "left", "right", "gen"]


def test_the_depth_cuts_the_walk_and_says_so(lineage: MemoryLineage, last: ArtifactRecord) -> None:
    walk = upstream(lineage, last, depth=1)
    assert ([each.node for each in walk.executions], walk.complete) == (["join"], False)


def test_a_depth_that_reaches_the_end_is_complete(lineage: MemoryLineage, last: ArtifactRecord) -> None:
    assert upstream(lineage, last, depth=3).complete


@pytest.mark.parametrize(("limit", "complete"), [(1, False), (3, False), (4, True)])
def test_the_limit_cuts_the_walk_and_says_so(
    lineage: MemoryLineage, last: ArtifactRecord, limit: int, complete: bool
) -> None:
    walk = upstream(lineage, last, limit=limit)
    assert (len(walk.executions), walk.complete) == (limit, complete)


def test_what_was_cached_goes_back_to_its_original(lineage: MemoryLineage, first: ArtifactRecord) -> None:
    served = an_execution("r1/gen/2", state=ExecutionState.CACHED)
    lineage.commit(replace(served, outputs=(Edge(key="model", index=0, artifact=first),)))
    assert [each.name for each in upstream(lineage, first).executions] == ["r1/gen/1"]


def test_a_cycle_ends(lineage: MemoryLineage, first: ArtifactRecord) -> None:
    edge = Edge(key="model", index=0, artifact=first)
    lineage.commit(an_execution("r1/touch/1", state=ExecutionState.COMPLETE, inputs=(edge,), outputs=(edge,)))
    assert [each.node for each in downstream(lineage, first).executions] == ["touch"]


def test_a_walk_down_meets_everything_made_of_it(
    lineage: MemoryLineage, first: ArtifactRecord, last: ArtifactRecord
) -> None:
    assert [each.node for each in downstream(lineage, first).executions] == ["left", "right", "join"]


def test_the_tree_shows_each_branch_once(lineage: MemoryLineage, last: ArtifactRecord) -> None:
    assert tree_lines(upstream(lineage, last)) == [
        "Model r1/join/1/model/0 sha256:r1/join/1/mo",
        "└── join COMPLETE r1/join/1",
        "    ├── data[0] Model r1/left/1/model/0 sha256:r1/left/1/mo",
        "    │   └── left COMPLETE r1/left/1",
        "    │       └── data[0] Model r1/gen/1/model/0 sha256:r1/gen/1/mod",
        "    │           └── gen COMPLETE r1/gen/1",
        "    └── data[1] Model r1/right/1/model/0 sha256:r1/right/1/m",
        "        └── right COMPLETE r1/right/1",
        "            └── data[0] Model r1/gen/1/model/0 sha256:r1/gen/1/mod (see above)",
    ]


def test_the_tree_of_a_walk_down_shows_outputs(lineage: MemoryLineage, first: ArtifactRecord) -> None:
    publish(lineage, "r1/eval/1", first)
    assert tree_lines(downstream(lineage, first)) == [
        "Model r1/gen/1/model/0 sha256:r1/gen/1/mod",
        "└── eval COMPLETE r1/eval/1",
        "    └── model[0] Model r1/eval/1/model/0 sha256:r1/eval/1/mo",
    ]


def test_a_deep_tree_is_drawn(lineage: MemoryLineage) -> None:
    artifact = chain(lineage, 1500)
    assert len(tree_lines(upstream(lineage, artifact, depth=2000, limit=2000))) == 3000


def chain(lineage: MemoryLineage, length: int) -> ArtifactRecord:
    artifact = publish(lineage, "r1/n/1")
    for number in range(2, length + 1):
        artifact = publish(lineage, f"r1/n/{number}", artifact)
    return artifact


def test_mermaid_draws_data_flowing_through(lineage: MemoryLineage, first: ArtifactRecord) -> None:
    assert mermaid(upstream(lineage, first)).splitlines() == [
        "flowchart LR",
        '    a0["Model r1/gen/1/model/0 sha256:r1/gen/1/mod"]',
        '    e0(["gen COMPLETE r1/gen/1"])',
        '    e0 -- "model[0]" --> a0',
    ]


def test_mermaid_escapes_what_would_end_a_label(lineage: MemoryLineage, first: ArtifactRecord) -> None:
    quoted = mermaid(upstream(lineage, replace(first, type_name='a"b#c')))
    assert '["a#quot;b#35;c ' in quoted


def test_json_names_the_ends_of_edges(lineage: MemoryLineage, first: ArtifactRecord) -> None:
    assert as_json(upstream(lineage, first))["edges"] == [
        {"from": "r1/gen/1", "to": "r1/gen/1/model/0", "key": "model", "index": 0}
    ]


@pytest.fixture
def counted(lineage: MemoryLineage) -> ArtifactRecord:
    """A value that stood in a parameter of train."""
    counted = publish(lineage, "r1/count/1", output={"facts": {"value": 3}})
    publish(lineage, "r1/train/1", facts={"parameter_artifacts": [counted.name]})
    return counted


def test_a_value_in_a_parameter_is_what_something_was_made_from(
    lineage: MemoryLineage, counted: ArtifactRecord
) -> None:
    model = lineage.artifact("r1/train/1/model/0")
    assert model is not None
    assert tree_lines(upstream(lineage, model)) == [
        "Model r1/train/1/model/0 sha256:r1/train/1/m",
        "└── train COMPLETE r1/train/1",
        "    └── [parameter 0] Model r1/count/1/model/0 sha256:r1/count/1/m",
        "        └── count COMPLETE r1/count/1",
    ]


def test_a_walk_down_meets_what_a_value_was_a_parameter_of(lineage: MemoryLineage, counted: ArtifactRecord) -> None:
    assert [each.node for each in downstream(lineage, counted).executions] == ["train"]


def test_json_tells_values_in_parameters_apart(lineage: MemoryLineage, counted: ArtifactRecord) -> None:
    assert as_json(downstream(lineage, counted))["edges"][0] == {  # type: ignore[index] # JSON
        "from": "r1/count/1/model/0", "to": "r1/train/1", "key": "[parameter]", "index": 0
    }  # fmt: skip


def test_a_payload_that_was_deleted_is_gone(lineage: MemoryLineage, first: ArtifactRecord) -> None:
    lineage.bury([first.name], at=0.0, reason="collected by ada")
    assert payload_gone(lineage, first.name) == "payload deleted 1970-01-01: collected by ada"


@pytest.mark.parametrize("name", ["r1/gen/1/model/0", "r9/unknown/1/model/0", ""])
def test_a_payload_that_nobody_deleted_is_not_gone(lineage: MemoryLineage, first: ArtifactRecord, name: str) -> None:
    assert payload_gone(lineage, name) == ""
