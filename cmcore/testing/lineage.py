"""LineageStoreContract: what every LineageStore must do, as a test class; a store enables it with one fixture.

class TestMine(LineageStoreContract):
    @pytest.fixture
    def lineage(self) -> LineageStore:
        return MyLineage(...)
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pydantic import JsonValue

from cmcore.errors import ConflictError, LineageError
from cmcore.lineage.record import Edge, ExecutionState
from cmcore.lineage.store import LineageStore
from cmcore.lineage.walk import downstream, upstream
from cmcore.testing.burial import BurialContract
from cmcore.testing.records import (
    RUN,
    an_artifact,
    an_execution,
    completed,
    open_all,
    outcome_or_error,
    publish,
    publish_all,
)


class RunContract:
    """What runs and begun executions keep to."""

    def test_a_run_is_read_back_as_it_was_opened(self, lineage: LineageStore) -> None:
        found = lineage.run("r1")
        assert found is not None
        assert replace(found, id=0, created_at=0.0) == RUN

    def test_opening_a_run_again_changes_nothing(self, lineage: LineageStore, another: LineageStore) -> None:
        before = lineage.run("r1")
        another.open_run(replace(RUN, actor="bob", facts={"other": 1}))
        assert lineage.run("r1") == before

    def test_a_run_belongs_to_one_pipeline(self, another: LineageStore) -> None:
        with pytest.raises(ConflictError, match="flights"):
            another.open_run(replace(RUN, pipeline="other"))

    def test_an_unknown_run_is_none(self, lineage: LineageStore) -> None:
        assert lineage.run("r9") is None

    def test_runs_are_listed_newest_first_up_to_the_limit(self, lineage: LineageStore) -> None:
        open_all(lineage, "r2", "r3", "r4", "r5")
        assert [run.run for run in lineage.runs(limit=3)] == ["r5", "r4", "r3"]

    def test_runs_can_be_those_of_one_pipeline(self, lineage: LineageStore) -> None:
        lineage.open_run(replace(RUN, run="r2", pipeline="other"))
        assert [run.run for run in lineage.runs(pipeline="flights")] == ["r1"]

    def test_a_begun_execution_is_running_with_its_inputs(self, lineage: LineageStore) -> None:
        model = publish(lineage, "r1/train/1")
        edge = Edge(key="model", index=0, artifact=model)
        lineage.begin(an_execution("r1/eval/1", inputs=(edge,)))
        found = lineage.execution("r1/eval/1")
        assert found is not None
        assert (found.state, [e.artifact.name for e in found.inputs]) == (ExecutionState.RUNNING, [model.name])

    def test_beginning_again_changes_nothing(self, lineage: LineageStore, another: LineageStore) -> None:
        lineage.begin(an_execution())
        before = lineage.execution("r1/train/1")
        another.begin(an_execution(actor="bob"))
        assert lineage.execution("r1/train/1") == before

    def test_beginning_after_the_end_does_not_resurrect(self, lineage: LineageStore, another: LineageStore) -> None:
        lineage.commit(completed(an_execution()))
        another.begin(an_execution())
        found = lineage.execution("r1/train/1")
        assert found is not None
        assert found.state is ExecutionState.COMPLETE

    def test_an_execution_needs_an_open_run(self, lineage: LineageStore) -> None:
        with pytest.raises(LineageError, match="open_run"):
            lineage.begin(an_execution("r9/train/1"))

    def test_an_input_must_be_recorded(self, lineage: LineageStore) -> None:
        edge = Edge(key="model", index=0, artifact=an_artifact("r1/ghost/1/model/0", id=77))
        with pytest.raises(LineageError, match="r1/ghost/1/model/0"):
            lineage.begin(an_execution(inputs=(edge,)))

    def test_an_id_that_belongs_to_another_artifact_is_only_a_hint(self, lineage: LineageStore) -> None:
        first, second = publish(lineage, "r1/a/1"), publish(lineage, "r1/b/1")
        edge = Edge(key="model", index=0, artifact=replace(second, id=first.id))
        lineage.begin(an_execution(inputs=(edge,)))
        found = lineage.execution("r1/train/1")
        assert found is not None
        assert found.inputs[0].artifact.name == second.name

    def test_one_artifact_can_be_read_under_two_keys(self, lineage: LineageStore) -> None:
        model = publish(lineage, "r1/train/1")
        edges = tuple(Edge(key=key, index=0, artifact=model) for key in ("baseline", "model"))
        lineage.begin(an_execution("r1/eval/1", inputs=edges))
        found = lineage.execution("r1/eval/1")
        assert found is not None
        assert [(e.key, e.artifact.name) for e in found.inputs] == [("baseline", model.name), ("model", model.name)]

    def test_reading_an_artifact_leaves_it_as_it_was(self, lineage: LineageStore) -> None:
        model = publish(lineage, "r1/train/1")
        before = lineage.artifact(model.name)
        publish(lineage, "r1/eval/1", model)
        assert lineage.artifact(model.name) == before


class CommitContract:
    """What the one terminal write keeps to."""

    def test_a_committed_execution_is_read_back_whole(self, lineage: LineageStore) -> None:
        execution = an_execution(
            cache_key="sha256:abc", system_type="TRAIN", parameters={"rate": 0.1}, facts={"code": "c0ffee"}
        )
        lineage.begin(execution)
        offered = completed(execution, an_artifact("r1/train/1/model/0", properties={"framework": "sklearn"}))
        answer = lineage.commit(offered)
        found = lineage.execution(execution.name)
        assert found is not None
        stored = replace(found.outputs[0].artifact, created_at=0.0)
        expected = replace(offered.stamped().outputs[0].artifact, id=answer.outputs[0].artifact.id)
        assert stored == expected
        assert replace(found, outputs=(), id=0, created_at=0.0, finished_at=0.0) == replace(offered, outputs=())

    def test_the_answer_carries_the_ids(self, lineage: LineageStore) -> None:
        answer = lineage.commit(completed(an_execution(), an_artifact("r1/train/1/model/0")))
        found = lineage.execution("r1/train/1")
        assert found is not None
        assert (answer.id, answer.outputs[0].artifact.id) == (found.id, found.outputs[0].artifact.id)

    def test_outputs_carry_project_actor_and_pipeline(self, lineage: LineageStore) -> None:
        publish(lineage, "r1/train/1")
        found = lineage.artifact("r1/train/1/model/0")
        assert found is not None
        assert (found.project, found.actor, found.pipeline) == ("demo", "ada", "flights")

    def test_committing_an_equal_outcome_again_answers_what_is_recorded(
        self, lineage: LineageStore, another: LineageStore
    ) -> None:
        offered = completed(an_execution(), an_artifact("r1/train/1/model/0"))
        first = lineage.commit(offered)
        again = another.commit(offered)
        assert (again.id, again.outputs[0].artifact.id) == (first.id, first.outputs[0].artifact.id)

    def test_committing_another_state_is_a_conflict(self, lineage: LineageStore, another: LineageStore) -> None:
        lineage.commit(completed(an_execution(), an_artifact("r1/train/1/model/0")))
        with pytest.raises(ConflictError, match="r1/train/1"):
            another.commit(an_execution(state=ExecutionState.FAILED))

    def test_committing_another_digest_is_a_conflict(self, lineage: LineageStore, another: LineageStore) -> None:
        lineage.commit(completed(an_execution(), an_artifact("r1/train/1/model/0")))
        with pytest.raises(ConflictError, match="sha256:other"):
            another.commit(completed(an_execution(), an_artifact("r1/train/1/model/0", digest="sha256:other")))

    def test_nothing_of_a_conflicting_commit_stays(self, lineage: LineageStore, another: LineageStore) -> None:
        lineage.commit(an_execution(state=ExecutionState.FAILED))
        before = lineage.executions("r1")
        with pytest.raises(ConflictError):
            another.commit(completed(an_execution(), an_artifact("r1/train/1/model/0")))
        assert (lineage.executions("r1"), lineage.artifact("r1/train/1/model/0")) == (before, None)

    def test_an_output_name_of_another_execution_is_a_conflict(self, lineage: LineageStore) -> None:
        publish(lineage, "r1/train/1")
        with pytest.raises(ConflictError, match="r1/train/1/model/0"):
            lineage.commit(completed(an_execution("r1/other/1"), an_artifact("r1/train/1/model/0")))

    def test_of_many_equal_committers_all_get_the_same_answer(
        self, lineage: LineageStore, another: LineageStore
    ) -> None:
        lineage.begin(an_execution())
        offered = completed(an_execution(), an_artifact("r1/train/1/model/0"))
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda store: store.commit(offered).id, [lineage, another] * 4))
        assert len(set(answers)) == 1

    def test_of_many_different_committers_one_wins(self, lineage: LineageStore, another: LineageStore) -> None:
        offers = [
            completed(an_execution(), an_artifact("r1/train/1/model/0", digest=f"sha256:{number}"))
            for number in range(8)
        ]
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(outcome_or_error, [lineage, another] * 4, offers))
        assert answers.count(ConflictError) == 7

    def test_an_execution_that_another_client_began_can_be_committed(
        self, lineage: LineageStore, another: LineageStore
    ) -> None:
        model = publish(lineage, "r1/train/1")
        execution = an_execution("r1/eval/1", inputs=(Edge(key="model", index=0, artifact=model),))
        lineage.begin(execution)
        answer = another.commit(completed(execution, an_artifact("r1/eval/1/model/0")))
        assert [edge.artifact.name for edge in answer.inputs] == [model.name]

    @pytest.mark.parametrize("state", [state for state in ExecutionState if state is not ExecutionState.RUNNING])
    def test_every_terminal_state_is_read_back(self, lineage: LineageStore, state: ExecutionState) -> None:
        lineage.commit(an_execution(state=state, facts={"skip_reason": "condition"}))
        found = lineage.execution("r1/train/1")
        assert found is not None
        assert (found.state, found.facts) == (state, {"skip_reason": "condition"})

    def test_running_is_no_outcome(self, lineage: LineageStore) -> None:
        with pytest.raises(LineageError, match="terminal"):
            lineage.commit(an_execution())

    def test_a_cached_execution_points_at_the_artifacts_that_exist(self, lineage: LineageStore) -> None:
        model = publish(lineage, "r1/train/1")
        cached = an_execution("r1/train/2", state=ExecutionState.CACHED)
        lineage.commit(replace(cached, outputs=(Edge(key="model", index=0, artifact=model),)))
        found = lineage.execution("r1/train/2")
        assert found is not None
        assert found.outputs[0].artifact == lineage.artifact(model.name)

    def test_a_resolver_may_give_one_artifact_under_two_keys(self, lineage: LineageStore) -> None:
        model = publish(lineage, "r1/train/1")
        edges = tuple(Edge(key=key, index=0, artifact=model) for key in ("blessed", "latest"))
        lineage.commit(an_execution("r1/pick/1", state=ExecutionState.COMPLETE, internal=True, outputs=edges))
        found = lineage.execution("r1/pick/1")
        assert found is not None
        assert (found.internal, [edge.key for edge in found.outputs]) == (True, ["blessed", "latest"])


class ValueContract:
    """What values, types and names may be, and what is refused."""

    @pytest.mark.parametrize(
        "value",
        [
            0, -1, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, 2**70, 0.5, -0.0, True, False, "", "text", "ü 🙂 ' \" \n",
            "x" * 5000, "a\0b", "\ud800", None, [1, "a", None], {"a": {"b": [1.5]}}, [], ["y" * 3000],
        ],
    )  # fmt: skip
    def test_values_are_read_back_as_they_were(self, lineage: LineageStore, value: JsonValue) -> None:
        everywhere: dict[str, JsonValue] = {"value": value}
        artifact = an_artifact("r1/train/1/model/0", properties=everywhere, custom=everywhere, facts=everywhere)
        lineage.commit(completed(an_execution(parameters=everywhere, facts=everywhere), artifact))
        found = lineage.execution("r1/train/1")
        assert found is not None
        output = found.outputs[0].artifact
        assert [found.parameters, found.facts, output.properties, output.custom, output.facts] == [everywhere] * 5

    def test_a_bool_does_not_become_an_int(self, lineage: LineageStore) -> None:
        lineage.commit(completed(an_execution(parameters={"flag": True})))
        found = lineage.execution("r1/train/1")
        assert found is not None
        assert found.parameters["flag"] is True

    @pytest.mark.parametrize("value", [math.inf, -math.inf])
    def test_infinities_are_kept(self, lineage: LineageStore, value: float) -> None:
        lineage.commit(completed(an_execution(facts={"auc": value})))
        found = lineage.execution("r1/train/1")
        assert found is not None
        assert found.facts["auc"] == value

    def test_nan_is_kept(self, lineage: LineageStore) -> None:
        lineage.commit(completed(an_execution(), an_artifact("r1/train/1/model/0", properties={"auc": math.nan})))
        found = lineage.artifact("r1/train/1/model/0")
        assert found is not None
        assert math.isnan(float(str(found.properties["auc"])))

    @pytest.mark.parametrize("later", [{"a": 1, "b": "new"}, {"a": 0.5}, {"a": "text"}, {"a": None}, {}])
    def test_a_type_may_gain_lose_and_change_fields(self, lineage: LineageStore, later: dict[str, JsonValue]) -> None:
        lineage.commit(completed(an_execution("r1/train/1", parameters={"a": 1})))
        lineage.commit(completed(an_execution("r1/train/2", parameters=later)))
        assert [each.parameters for each in lineage.executions("r1")] == [{"a": 1}, later]

    def test_two_clients_may_change_a_type_in_turn(self, lineage: LineageStore, another: LineageStore) -> None:
        lineage.commit(completed(an_execution("r1/train/1", parameters={"a": 1})))
        another.commit(completed(an_execution("r1/train/2", parameters={"b": 1})))
        lineage.commit(completed(an_execution("r1/train/3", parameters={"a": 2, "b": 2})))
        another.commit(completed(an_execution("r1/train/4", parameters={"a": 0.5, "b": 2})))
        assert [len(each.parameters) for each in lineage.executions("r1")] == [1, 1, 2, 2]

    @pytest.mark.parametrize("name", ["", "r1/Train/1", "r1/train/1 ", "a\0b", "r1/tr\u00fcb/1", "x" * 201, "a\nb"])
    def test_execution_names_that_stores_confuse_are_refused(self, lineage: LineageStore, name: str) -> None:
        with pytest.raises(LineageError, match="execution name"):
            lineage.begin(replace(an_execution(), name=name))

    @pytest.mark.parametrize("name", ["", "Model", "a\0b", "x" * 201, "a b"])
    def test_artifact_names_that_stores_confuse_are_refused(self, lineage: LineageStore, name: str) -> None:
        with pytest.raises(LineageError, match="artifact name"):
            lineage.commit(completed(an_execution(), an_artifact(name)))

    @pytest.mark.parametrize("pipeline", ["", "Flights", "fl/ights", "x" * 64, "a\0b"])
    def test_pipeline_names_that_stores_confuse_are_refused(self, lineage: LineageStore, pipeline: str) -> None:
        with pytest.raises(LineageError, match="pipeline name"):
            lineage.open_run(replace(RUN, run="r2", pipeline=pipeline))

    def test_the_longest_names_are_kept(self, lineage: LineageStore) -> None:
        execution = replace(an_execution(), name="r1/train/" + "1" * 191)
        lineage.commit(completed(execution, an_artifact("r1/train/" + "2" * 191)))
        assert lineage.artifact("r1/train/" + "2" * 191) is not None

    @pytest.mark.parametrize("uri", ["file:///" + "x" * 2000, "file:///a\0b"])
    def test_uris_that_some_store_refuses_are_refused(self, lineage: LineageStore, uri: str) -> None:
        with pytest.raises(LineageError, match="URI"):
            lineage.commit(completed(an_execution(), an_artifact("r1/train/1/model/0", uri=uri)))

    @pytest.mark.parametrize("keys", [("a", "A"), ("a__blob",), ("a__json",), ("",), ("a\0",), ("x" * 300,)])
    def test_property_names_that_stores_confuse_are_refused(self, lineage: LineageStore, keys: tuple[str, ...]) -> None:
        with pytest.raises(LineageError, match="propert"):
            lineage.begin(an_execution(parameters=dict.fromkeys(keys, 1)))

    @pytest.mark.parametrize("custom", [{"cm:digest": "x"}, {"tfx_version": "1"}])
    def test_remarks_cannot_pass_for_facts(self, lineage: LineageStore, custom: dict[str, JsonValue]) -> None:
        with pytest.raises(LineageError, match="propert"):
            lineage.commit(completed(an_execution(), an_artifact("r1/train/1/model/0", custom=custom)))

    def test_facts_cannot_pass_for_fields(self, lineage: LineageStore) -> None:
        with pytest.raises(LineageError, match="actor"):
            lineage.begin(an_execution(facts={"actor": "mallory"}))


class ListContract:
    """What lists and walks keep to."""

    def test_executions_of_a_run_come_oldest_first(self, lineage: LineageStore) -> None:
        publish_all(lineage, "r1/n0/1", "r1/n1/1", "r1/n2/1")
        assert [each.node for each in lineage.executions("r1")] == ["n0", "n1", "n2"]

    def test_more_executions_than_a_page_are_all_listed(self, lineage: LineageStore) -> None:
        publish_all(lineage, *(f"r1/n/{number}" for number in range(1, 206)))
        assert len({each.name for each in lineage.executions("r1")}) == 205

    def test_executions_are_limited(self, lineage: LineageStore) -> None:
        publish_all(lineage, "r1/n0/1", "r1/n1/1", "r1/n2/1")
        assert len(lineage.executions("r1", limit=2)) == 2

    def test_an_unknown_run_has_no_executions(self, lineage: LineageStore) -> None:
        assert lineage.executions("r9") == []

    def test_an_unknown_execution_is_none(self, lineage: LineageStore) -> None:
        assert lineage.execution("r1/nothing/1") is None

    def test_node_executions_come_newest_first_over_all_runs(self, lineage: LineageStore) -> None:
        lineage.open_run(replace(RUN, run="r2"))
        publish_all(lineage, "r1/train/1", "r1/eval/1", "r2/train/1")
        assert [each.name for each in lineage.node_executions("flights", "train")] == ["r2/train/1", "r1/train/1"]

    def test_nodes_whose_contexts_share_a_name_are_kept_apart(self, lineage: LineageStore) -> None:
        lineage.open_run(replace(RUN, run="r2", pipeline="a.b"))
        lineage.open_run(replace(RUN, run="r3", pipeline="a"))
        lineage.commit(completed(an_execution("r2/c/1", pipeline="a.b")))
        lineage.commit(completed(an_execution("r3/b.c/1", pipeline="a")))
        assert [each.name for each in lineage.node_executions("a", "b.c")] == ["r3/b.c/1"]

    def test_only_complete_executions_are_cached(self, lineage: LineageStore) -> None:
        model = publish(lineage, "r1/train/1", cache_key="k1")
        lineage.begin(an_execution("r1/train/2", cache_key="k1"))
        lineage.commit(an_execution("r1/train/3", cache_key="k1", state=ExecutionState.FAILED))
        served = an_execution("r1/train/4", cache_key="k1", state=ExecutionState.CACHED)
        lineage.commit(replace(served, outputs=(Edge(key="model", index=0, artifact=model),)))
        assert [each.name for each in lineage.cached("k1")] == ["r1/train/1"]

    def test_an_imported_execution_is_cached_too(self, lineage: LineageStore) -> None:
        lineage.commit(completed(an_execution(cache_key="k1"), an_artifact("r1/train/1/model/0")))
        assert [each.name for each in lineage.cached("k1")] == ["r1/train/1"]

    def test_a_cache_hit_brings_its_outputs_and_key(self, lineage: LineageStore) -> None:
        model = publish(lineage, "r1/train/1", cache_key="k1")
        found = lineage.cached("k1")[0]
        assert (found.cache_key, found.outputs[0].artifact.digest) == ("k1", model.digest)

    def test_cache_hits_are_limited_and_newest_first(self, lineage: LineageStore) -> None:
        publish_all(lineage, "r1/train/1", "r1/train/2", "r1/train/3", cache_key="k1")
        assert [each.name for each in lineage.cached("k1", limit=2)] == ["r1/train/3", "r1/train/2"]

    def test_an_unknown_cache_key_is_a_miss(self, lineage: LineageStore) -> None:
        assert lineage.cached("k9") == []

    def test_an_unknown_artifact_is_none(self, lineage: LineageStore) -> None:
        assert lineage.artifact("r1/nothing/1/model/0") is None

    def test_artifacts_are_found_by_uri(self, lineage: LineageStore) -> None:
        model = publish(lineage, "r1/train/1")
        assert [each.name for each in lineage.artifacts_by_uri(model.uri)] == [model.name]

    def test_latest_artifacts_come_newest_first_up_to_the_limit(self, lineage: LineageStore) -> None:
        publish_all(lineage, "r1/n0/1", "r1/n1/1", "r1/n2/1", "r1/n3/1")
        assert [each.name for each in lineage.latest("Model", limit=2)] == ["r1/n3/1/model/0", "r1/n2/1/model/0"]

    def test_latest_is_over_all_versions_of_a_type(self, lineage: LineageStore) -> None:
        publish(lineage, "r1/a/1", properties={"a": 1})
        publish(lineage, "r1/b/1", properties={"a": 0.5})
        publish(lineage, "r1/c/1", properties={"a": 2})
        assert [each.properties["a"] for each in lineage.latest("Model")] == [2, 0.5, 1]

    def test_latest_of_a_pipeline_is_what_it_published(self, lineage: LineageStore) -> None:
        lineage.open_run(replace(RUN, run="r2", pipeline="other"))
        model = publish(lineage, "r1/train/1")
        publish(lineage, "r2/eval/1", model, pipeline="other")
        assert [each.name for each in lineage.latest("Model", pipeline="other")] == ["r2/eval/1/model/0"]

    def test_latest_finds_artifacts_of_derived_types(self, lineage: LineageStore) -> None:
        publish(lineage, "r1/a/1", output={"type_name": "Forest", "facts": {"derives_from": ["Model"]}})
        publish(lineage, "r1/b/1")
        assert [each.name for each in lineage.latest("Model")] == ["r1/b/1/model/0", "r1/a/1/model/0"]

    @pytest.mark.parametrize("value", [9.04e-08, 1 / 3, 123456789.12345679, 1795306910.698123, 1e300, -0.1, 5e-324])
    def test_doubles_come_back_to_the_last_digit(self, lineage: LineageStore, value: float) -> None:
        recorded = publish(lineage, "r1/a/1", properties={"loss": value}, output={"facts": {"value": value}})
        found = lineage.artifact(recorded.name)
        assert found is not None
        assert (found.properties["loss"], found.facts["value"]) == (value, value)

    def test_latest_of_an_unknown_type_is_nothing(self, lineage: LineageStore) -> None:
        assert lineage.latest("Nothing") == []

    def test_the_original_producer_comes_first(self, lineage: LineageStore) -> None:
        model = publish(lineage, "r1/train/1")
        served = an_execution("r1/train/2", state=ExecutionState.CACHED)
        lineage.commit(replace(served, outputs=(Edge(key="model", index=0, artifact=model),)))
        assert [each.name for each in lineage.producers(model)] == ["r1/train/1", "r1/train/2"]

    def test_consumers_come_newest_first_up_to_the_limit(self, lineage: LineageStore) -> None:
        model = publish(lineage, "r1/train/1")
        publish_all(lineage, "r1/n0/1", "r1/n1/1", "r1/n2/1", inputs=(model,))
        assert [each.node for each in lineage.consumers(model, limit=2)] == ["n2", "n1"]

    def test_a_chain_is_walked_up_to_its_start(self, lineage: LineageStore) -> None:
        first = publish(lineage, "r1/a/1")
        last = publish(lineage, "r1/c/1", publish(lineage, "r1/b/1", first))
        assert [each.node for each in upstream(lineage, last).executions] == ["c", "b", "a"]

    def test_a_chain_is_walked_down_to_its_end(self, lineage: LineageStore) -> None:
        first = publish(lineage, "r1/a/1")
        publish(lineage, "r1/c/1", publish(lineage, "r1/b/1", first))
        assert [each.node for each in downstream(lineage, first).executions] == ["b", "c"]


class LineageStoreContract(RunContract, CommitContract, ValueContract, ListContract, BurialContract):
    """Give a fixture `lineage`: an empty store. `another` may give a second client of the same store."""

    @pytest.fixture
    def another(self, lineage: LineageStore) -> LineageStore:
        """A second client of the same store, as another process would have; by default the same one."""
        return lineage

    @pytest.fixture(autouse=True)
    def opened_run(self, lineage: LineageStore) -> None:
        """Every test starts in an open run."""
        lineage.open_run(RUN)
