"""Origins: what of a training they name, and what they do not depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest
from pydantic import JsonValue

from cmcore.components.code.environment import environment
from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionState
from cmcore.provenance.origin import ancestry, origin_of
from cmcore.registry.facts import Origin
from cmcore.testing.records import RUN, an_artifact, an_execution, open_all, publish

DATA = "file:///data"
EPOCHS: Mapping[str, JsonValue] = MappingProxyType({"epochs": 3})


@pytest.fixture
def lineage() -> MemoryLineage:
    store = MemoryLineage(clock=lambda: 0.0)
    open_all(store, "r1", "r2", "r3")
    return store


def imported(lineage: MemoryLineage, run: str, digest: str = "sha256:d1") -> ArtifactRecord:
    return publish(lineage, f"{run}/raw/1", output={"uri": DATA, "digest": digest, "facts": {"imported": True}})


def trained(
    lineage: MemoryLineage,
    run: str,
    *inputs: ArtifactRecord,
    code: str = "sha256:c1",
    parameters: Mapping[str, JsonValue] = EPOCHS,
) -> ArtifactRecord:
    return publish(lineage, f"{run}/train/1", *inputs, facts={"code": code}, parameters=parameters)


def training(
    lineage: MemoryLineage, run: str, *, code: str = "sha256:c1", parameters: Mapping[str, JsonValue] = EPOCHS
) -> Origin:
    return origin_of(lineage, trained(lineage, run, imported(lineage, run), code=code, parameters=parameters))


def test_it_names_the_run_the_node_and_the_pipeline(lineage: MemoryLineage) -> None:
    found = training(lineage, "r1")
    assert (found.run, found.node, found.pipeline) == ("r1", "train", "flights")


def test_imported_data_is_named_by_uri_and_digest_and_is_no_step(lineage: MemoryLineage) -> None:
    found = training(lineage, "r1")
    assert (found.data, list(found.steps)) == ({DATA: "sha256:d1"}, ["train"])


def test_two_equal_runs_have_equal_steps_and_data(lineage: MemoryLineage) -> None:
    one, other = training(lineage, "r1"), training(lineage, "r2")
    assert (one.steps, one.data) == (other.steps, other.data)


def test_the_name_of_the_run_in_a_parameter_changes_no_step(lineage: MemoryLineage) -> None:
    one, other = (training(lineage, run, parameters={"to": f"out/{run}"}) for run in ("r1", "r2"))
    assert one.steps == other.steps


def test_changed_code_changes_only_the_first_digest_of_the_step(lineage: MemoryLineage) -> None:
    (code, parameters), (new_code, same_parameters) = (
        training(lineage, run, code=digest).steps["train"].split() for run, digest in (("r1", "a"), ("r2", "b"))
    )
    assert (code == new_code, parameters == same_parameters) == (False, True)


def test_changed_parameters_change_only_the_second_digest_of_the_step(lineage: MemoryLineage) -> None:
    (code, parameters), (same_code, new_parameters) = (
        training(lineage, run, parameters={"epochs": epochs}).steps["train"].split()
        for run, epochs in (("r1", 3), ("r2", 4))
    )
    assert (code == same_code, parameters == new_parameters) == (True, False)


def test_parameters_are_shown_by_step_as_json(lineage: MemoryLineage) -> None:
    assert training(lineage, "r1", parameters={"name": "a", "lr": 0.1}).parameters == {
        "train.lr": "0.1",
        "train.name": '"a"',
    }


def test_of_a_long_parameter_only_the_beginning_is_shown(lineage: MemoryLineage) -> None:
    assert len(training(lineage, "r1", parameters={"text": "a" * 1000}).parameters["train.text"]) == 200


def test_a_step_served_from_the_cache_of_another_pipeline_keeps_its_own_name(lineage: MemoryLineage) -> None:
    lineage.open_run(replace(RUN, run="p1", pipeline="preparing"))
    examples = publish(lineage, "p1/ingest/1", pipeline="preparing")
    served = an_execution("r1/gen/1", state=ExecutionState.CACHED)
    lineage.commit(replace(served, outputs=(Edge(key="model", index=0, artifact=examples),)))
    assert list(origin_of(lineage, trained(lineage, "r1", examples)).steps) == ["gen", "train"]


def test_what_a_resolver_found_is_followed_to_its_own_makers(lineage: MemoryLineage) -> None:
    earlier = trained(lineage, "r1", imported(lineage, "r1", "sha256:old"))
    query = an_execution("r2/latest/1", internal=True)
    lineage.begin(query)
    found = replace(query, state=ExecutionState.COMPLETE, outputs=(Edge(key="model", index=0, artifact=earlier),))
    lineage.commit(found)
    made_of = origin_of(lineage, trained(lineage, "r2", earlier))
    assert (list(made_of.steps), made_of.data) == (["train"], {DATA: "sha256:old"})


def test_a_value_that_stood_in_a_parameter_is_followed_to_its_maker(lineage: MemoryLineage) -> None:
    counted = publish(lineage, "r1/count/1", imported(lineage, "r1"))
    model = publish(lineage, "r1/train/1", facts={"parameter_artifacts": [counted.name]})
    found = origin_of(lineage, model)
    assert (list(found.steps), found.data) == (["count", "train"], {DATA: "sha256:d1"})


def test_training_on_with_the_same_code_changes_no_step(lineage: MemoryLineage) -> None:
    first = trained(lineage, "r1")
    assert origin_of(lineage, trained(lineage, "r2", first)).steps == origin_of(lineage, first).steps


def test_a_step_of_another_pipeline_carries_its_name(lineage: MemoryLineage) -> None:
    lineage.open_run(replace(RUN, run="p1", pipeline="preparing"))
    examples = publish(lineage, "p1/gen/1", pipeline="preparing")
    assert list(origin_of(lineage, trained(lineage, "r1", examples)).steps) == ["preparing/gen", "train"]


def test_an_artifact_that_nobody_recorded_the_making_of_is_data(lineage: MemoryLineage) -> None:
    stranger = an_artifact("elsewhere", uri="s3://elsewhere", digest="sha256:e")
    assert origin_of(lineage, stranger) == Origin(data={"s3://elsewhere": "sha256:e"})


def test_the_commit_and_the_environment_are_those_of_the_run(lineage: MemoryLineage) -> None:
    here = environment(path=[])
    facts: dict[str, JsonValue] = {"code_version": {"commit": "c0ffee"}, "environment": here.document()}
    lineage.open_run(replace(RUN, run="r9", facts=facts))
    found = training(lineage, "r9")
    assert (found.commit, found.environment) == ("c0ffee", here.digest)


def test_a_run_without_git_has_no_commit(lineage: MemoryLineage) -> None:
    assert training(lineage, "r1").commit == ""


def test_a_model_that_was_imported_has_its_own_bytes_as_data(lineage: MemoryLineage) -> None:
    found = origin_of(lineage, imported(lineage, "r1"))
    assert (found.node, found.steps, found.data) == ("raw", {}, {DATA: "sha256:d1"})


def test_an_ancestry_begins_with_the_maker(lineage: MemoryLineage) -> None:
    model = trained(lineage, "r1", publish(lineage, "r1/left/1"), publish(lineage, "r1/right/1"))
    assert [each.node for each in ancestry(lineage, model).executions] == ["train", "left", "right"]
