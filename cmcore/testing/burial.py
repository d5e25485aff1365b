"""BurialContract: what every LineageStore keeps to when payloads are deleted; a part of LineageStoreContract."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pydantic import JsonValue

from cmcore.errors import LineageError
from cmcore.lineage.record import Edge, ExecutionState
from cmcore.lineage.store import LineageStore
from cmcore.lineage.walk import downstream, tree_lines, upstream
from cmcore.testing.records import an_artifact, an_execution, completed, publish, publish_all


class BurialContract:
    """What is recorded of an artifact whose payload is gone, and who may still see it."""

    def test_a_buried_artifact_keeps_everything_and_gains_its_tombstone(self, lineage: LineageStore) -> None:
        made = an_artifact("r1/train/1/model/0", properties={"rate": 1 / 3}, custom={"free": [1]}, facts={"size": 5})
        lineage.commit(completed(an_execution(), made))
        before = lineage.artifact("r1/train/1/model/0")
        assert before is not None
        lineage.bury([before.name], at=1795306910.698123, reason="too old")
        tombstone: dict[str, JsonValue] = {"deleted_at": 1795306910.698123, "deleted_reason": "too old"}
        expected = replace(before, deleted=True, facts={**before.facts, **tombstone})
        assert lineage.artifact(before.name) == expected

    def test_burying_again_keeps_the_first_tombstone(self, lineage: LineageStore, another: LineageStore) -> None:
        model = publish(lineage, "r1/train/1")
        lineage.bury([model.name], at=1.0, reason="first")
        before = lineage.artifact(model.name)
        another.bury([model.name, model.name], at=2.0, reason="second")
        assert lineage.artifact(model.name) == before

    def test_a_burial_is_seen_by_other_clients(self, lineage: LineageStore, another: LineageStore) -> None:
        model = publish(lineage, "r1/train/1")
        assert another.latest("Model")
        lineage.bury([model.name], at=1.0, reason="")
        assert [each.outputs[0].artifact.deleted for each in another.executions("r1")] == [True]

    def test_any_number_is_buried_at_once(self, lineage: LineageStore, another: LineageStore) -> None:
        names = [f"r1/n/{number}" for number in range(1, 106)]
        publish_all(lineage, *names)
        another.bury([f"{name}/model/0" for name in names], at=1.0, reason="")
        assert lineage.latest("Model") == []

    def test_burying_nothing_changes_nothing(self, lineage: LineageStore) -> None:
        publish(lineage, "r1/train/1")
        before = lineage.executions("r1")
        lineage.bury([], at=1.0, reason="")
        assert lineage.executions("r1") == before

    def test_an_unknown_name_is_an_error_and_nothing_is_buried(self, lineage: LineageStore) -> None:
        model = publish(lineage, "r1/train/1")
        with pytest.raises(LineageError, match="r1/ghost/1/model/0"):
            lineage.bury([model.name, "r1/ghost/1/model/0"], at=1.0, reason="")
        assert [each.name for each in lineage.latest("Model")] == [model.name]

    @pytest.mark.parametrize("reason", ["", "x" * 5000, "ü 🙂 ' \" \n.", "a\0b"])
    def test_the_reason_is_read_back_as_it_was(self, lineage: LineageStore, reason: str) -> None:
        model = publish(lineage, "r1/train/1")
        lineage.bury([model.name], at=1.0, reason=reason)
        found = lineage.artifact(model.name)
        assert found is not None
        assert found.facts["deleted_reason"] == reason

    def test_many_may_bury_the_same_at_once(self, lineage: LineageStore, another: LineageStore) -> None:
        names = [publish(lineage, f"r1/n/{number}").name for number in range(1, 6)]
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda store: store.bury(names, at=1.0, reason="old"), [lineage, another] * 4))
        assert [each.outputs[0].artifact.deleted for each in lineage.executions("r1")] == [True] * 5

    def test_a_buried_artifact_is_not_the_latest(self, lineage: LineageStore) -> None:
        publish_all(lineage, "r1/a/1", "r1/b/1")
        lineage.bury(["r1/b/1/model/0"], at=1.0, reason="")
        assert [each.name for each in lineage.latest("Model", limit=1)] == ["r1/a/1/model/0"]

    def test_a_buried_artifact_is_not_found_by_uri(self, lineage: LineageStore) -> None:
        model = publish(lineage, "r1/train/1")
        lineage.bury([model.name], at=1.0, reason="")
        assert lineage.artifacts_by_uri(model.uri) == []

    def test_an_execution_with_a_buried_output_is_no_cache_hit(self, lineage: LineageStore) -> None:
        publish_all(lineage, *(f"r1/n/{number}" for number in range(1, 8)), cache_key="k1")
        lineage.bury([f"r1/n/{number}/model/0" for number in range(2, 8)], at=1.0, reason="")
        assert [each.name for each in lineage.cached("k1", limit=2)] == ["r1/n/1"]

    def test_serving_a_buried_artifact_does_not_bring_it_back(self, lineage: LineageStore) -> None:
        model = publish(lineage, "r1/train/1")
        lineage.bury([model.name], at=1.0, reason="")
        cached = an_execution("r1/train/2", state=ExecutionState.CACHED)
        lineage.commit(replace(cached, outputs=(Edge(key="model", index=0, artifact=model),)))
        found = lineage.artifact(model.name)
        assert found is not None
        assert found.deleted

    def test_walks_go_over_what_is_buried(self, lineage: LineageStore) -> None:
        data = publish(lineage, "r1/a/1")
        model = publish(lineage, "r1/b/1", data)
        lineage.bury([data.name, model.name], at=0.0, reason="too old")
        up = upstream(lineage, replace(model, deleted=True)).executions
        down = downstream(lineage, data).executions
        assert ([each.node for each in up], [each.node for each in down]) == (["b", "a"], ["b"])

    def test_walks_say_what_is_buried(self, lineage: LineageStore) -> None:
        data = publish(lineage, "r1/a/1")
        model = publish(lineage, "r1/b/1", data)
        lineage.bury([data.name], at=0.0, reason="too old")
        assert tree_lines(upstream(lineage, model))[2].endswith("(payload deleted 1970-01-01: too old)")
