"""Effects: who carries out the intents of executors. The driver asks; what an intent changes is not known here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from pydantic import JsonValue

from cmcore.components.intent import Intent
from cmcore.errors import CmError, UsageError
from cmcore.lineage.record import ExecutionRecord
from cmcore.runtime.job import Outcome

INTENTS = "intents"  # the fact under which an execution's record keeps what was asked for


class Effect(Protocol):
    """Carries out the intents of one kind."""

    def apply(self, intent: Intent, execution: ExecutionRecord) -> Mapping[str, JsonValue]:
        """Make it so and say what came of it, as properties of the intent's output.

        Idempotent: it is called again where a driver died before the record. `execution` is the RUNNING execution
        that asks. Raises CmError where it cannot or may not be.
        """
        ...

    def stale(self, intent: Intent, execution: ExecutionRecord, properties: Mapping[str, JsonValue]) -> str:
        """Why what came of it no longer holds, so that a published execution cannot be served again; empty if it
        holds."""
        ...


Effects = Mapping[str, Effect]


def carried_out(outcome: Outcome, execution: ExecutionRecord, effects: Effects) -> Outcome:
    """The outcome with the properties that its intents have led to; raises CmError."""
    outputs = dict(outcome.outputs)
    for intent in outcome.intents:
        if intent.output not in outputs:
            raise UsageError(f"the intent {intent.kind!r} names no output of its node: {intent.output!r}")
        known = outputs[intent.output].properties
        found = effect_of(intent, effects).apply(intent, execution)
        outputs[intent.output] = outputs[intent.output].model_copy(update={"properties": {**known, **found}})
    return outcome.model_copy(update={"outputs": outputs})


def stale(execution: ExecutionRecord, effects: Effects) -> str:
    """Why the intents of a published execution would have to be carried out again; empty if all of them hold."""
    properties = {edge.key: dict(edge.artifact.properties) for edge in execution.outputs}
    for intent in asked_by(execution):
        try:
            reason = effect_of(intent, effects).stale(intent, execution, properties.get(intent.output, {}))
        except CmError as error:
            reason = str(error)
        if reason:
            return f"what {intent.kind} has led to no longer holds: {reason}"
    return ""


def asked_by(execution: ExecutionRecord) -> Sequence[Intent]:
    """The intents that an execution recorded."""
    recorded = execution.facts.get(INTENTS)
    return [Intent.model_validate(it) for it in recorded] if isinstance(recorded, list) else []


def with_intents(execution: ExecutionRecord, outcome: Outcome) -> ExecutionRecord:
    """The record with what its executor asked for."""
    if not outcome.intents:
        return execution
    asked: list[JsonValue] = [intent.model_dump(mode="json") for intent in outcome.intents]
    return replace(execution, facts={**execution.facts, INTENTS: asked})


def effect_of(intent: Intent, effects: Effects) -> Effect:
    """Who carries it out; raises UsageError."""
    if intent.kind not in effects:
        raise UsageError(f"nobody carries out {intent.kind!r}; there are {', '.join(sorted(effects)) or 'no effects'}")
    return effects[intent.kind]
