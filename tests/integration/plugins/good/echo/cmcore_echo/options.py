"""The launcher's options; nothing beyond pydantic."""

from pydantic import BaseModel, ConfigDict


class EchoOptions(BaseModel):
    """How loud."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    volume_percent: int = 50
