"""Intent: a change to the world that an executor asks for and the driver carries out, idempotently, before the record.

An executor's process must not change the registry or traffic itself: it may be killed, retried, or run twice.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue


class Intent(BaseModel):
    """What is asked: `kind` names who carries it out; what came of it becomes properties of the output `output`."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    kind: str
    output: str
    data: dict[str, JsonValue] = {}
