"""What executors ask the driver for is carried out before the record, and asked again when it may have changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from pydantic import JsonValue

from cmcore.components.intent import Intent
from cmcore.errors import RefusedError, UsageError
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState
from cmcore.runtime.effects import carried_out, stale, with_intents
from cmcore.runtime.job import Outcome, Output

INTENT = Intent(kind="register", output="registered", data={"model": "flights"})
OUTPUT = Output(type="Files", type_name="Files", uri="file:///x", digest="sha256:0", size=0, properties={"kept": 1})
OUTCOME = Outcome(address="run-1/register/1", outputs={"registered": OUTPUT}, intents=[INTENT])
EXECUTION = ExecutionRecord(
    name="run-1/register/1", type_name="Register", state=ExecutionState.RUNNING, project="p", pipeline="p",
    run="run-1", node="register",
)  # fmt: skip


class Register:
    """Counts what it is asked for."""

    def __init__(self, reason: str = "") -> None:
        self.asked: list[Intent] = []
        self.reason = reason

    def apply(self, intent: Intent, execution: ExecutionRecord) -> Mapping[str, JsonValue]:
        self.asked.append(intent)
        return {"version": "1.0.0"}

    def stale(self, intent: Intent, execution: ExecutionRecord, properties: Mapping[str, JsonValue]) -> str:
        return self.reason or ("" if properties == {"version": "1.0.0"} else f"found {properties}")


class Refuses(Register):
    def stale(self, intent: Intent, execution: ExecutionRecord, properties: Mapping[str, JsonValue]) -> str:
        raise RefusedError("the registry is closed")


@pytest.fixture
def published() -> ExecutionRecord:
    """The record of an execution that asked for a registration and got 1.0.0."""
    artifact = ArtifactRecord(
        name="run-1/register/1/registered/0", type_name="Files", uri="", digest="", properties={"version": "1.0.0"}
    )
    edges = (Edge(key="registered", index=0, artifact=artifact),)
    return replace(with_intents(EXECUTION, OUTCOME), state=ExecutionState.COMPLETE, outputs=edges)


def test_what_came_of_it_becomes_properties_of_the_output() -> None:
    done = carried_out(OUTCOME, EXECUTION, {"register": Register()})
    assert done.outputs["registered"].properties == {"kept": 1, "version": "1.0.0"}


def test_an_intent_that_nobody_carries_out_is_an_error() -> None:
    with pytest.raises(UsageError, match="nobody carries out 'register'"):
        carried_out(OUTCOME, EXECUTION, {})


def test_an_intent_for_an_output_that_does_not_exist_is_an_error() -> None:
    outcome = OUTCOME.model_copy(update={"intents": [INTENT.model_copy(update={"output": "other"})]})
    with pytest.raises(UsageError, match="names no output"):
        carried_out(outcome, EXECUTION, {"register": Register()})


def test_a_record_keeps_what_was_asked_for(published: ExecutionRecord) -> None:
    assert published.facts["intents"] == [INTENT.model_dump(mode="json")]


def test_an_execution_without_intents_is_recorded_as_it_is() -> None:
    assert with_intents(EXECUTION, OUTCOME.model_copy(update={"intents": []})) is EXECUTION


def test_what_still_holds_is_not_stale(published: ExecutionRecord) -> None:
    assert stale(published, {"register": Register()}) == ""


def test_what_holds_no_longer_is_stale_with_its_reason(published: ExecutionRecord) -> None:
    assert stale(published, {"register": Register("it was deleted")}).endswith("it was deleted")


def test_what_cannot_be_looked_at_counts_as_stale(published: ExecutionRecord) -> None:
    assert stale(published, {"register": Refuses()}).endswith("the registry is closed")
