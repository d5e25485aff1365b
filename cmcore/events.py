"""The values that events carry: the vocabulary of the journal, of hooks, logs and live views.

Nothing here acts. An event is a fact in the past tense, JSON-serialisable, never with a secret in it.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue


class EventKind(StrEnum):
    """What happened; the part before the dot is what it happened to."""

    RUN_STARTED = "run.started"
    RUN_RESUMED = "run.resumed"
    RUN_FINISHED = "run.finished"
    ATTEMPT_SUBMITTED = "attempt.submitted"
    ATTEMPT_PROGRESSED = "attempt.progressed"
    NODE_FINISHED = "node.finished"
    NODE_RETRYING = "node.retrying"
    ARTIFACT_PUBLISHED = "artifact.published"
    ATTEMPT_TRACKED = "attempt.tracked"
    RUN_TAGGED = "run.tagged"
    RUN_NOTED = "run.noted"
    MODEL_CREATED = "model.created"
    MODEL_DESCRIBED = "model.described"
    VERSION_REGISTERED = "version.registered"
    VERSION_DESCRIBED = "version.described"
    APPROVAL_GIVEN = "approval.given"
    APPROVAL_WITHDRAWN = "approval.withdrawn"
    ALIAS_MOVED = "alias.moved"
    ALIAS_REMOVED = "alias.removed"
    PROMOTION_REFUSED = "promotion.refused"
    POLICY_APPLIED = "policy.applied"
    ENDPOINT_APPLIED = "endpoint.applied"
    ENDPOINT_HELD = "endpoint.held"
    TRAFFIC_MOVED = "traffic.moved"
    DEPLOYMENT_CHANGED = "deployment.changed"
    DATA_SNAPSHOTTED = "data.snapshotted"
    SIGNATURE_ADDED = "signature.added"
    PIN_SET = "pin.set"
    PIN_REMOVED = "pin.removed"
    PAYLOAD_DELETED = "payload.deleted"


class Event(BaseModel):
    """One fact: `seq` orders facts within one state database, `at` is wall-clock time in seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: EventKind
    at: float
    run: str = ""
    node: str = ""
    address: str = ""
    seq: int = 0
    data: dict[str, JsonValue] = {}
