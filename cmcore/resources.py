"""What an execution asks for and what a machine has; placing one on the other is not here."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field


class Resources(BaseModel):
    """What one execution needs while it runs; zero means that it does not compete for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    cpu_cores: float = Field(default=1.0, ge=0, allow_inf_nan=False, strict=False)
    memory_mib: int = Field(default=0, ge=0)
    gpus: float = Field(default=0.0, ge=0, allow_inf_nan=False, strict=False)

    def fits_in(self, free: Resources) -> bool:
        """Whether this request can be granted from what is free now."""
        return self.cpu_cores <= free.cpu_cores and self.memory_mib <= free.memory_mib and self.gpus <= free.gpus

    def left_by(self, used: Sequence[Resources]) -> Resources:
        """What is free of these while others use theirs; below zero where more was granted than there is."""
        return Resources.model_construct(
            cpu_cores=self.cpu_cores - sum(it.cpu_cores for it in used),
            memory_mib=self.memory_mib - sum(it.memory_mib for it in used),
            gpus=self.gpus - sum(it.gpus for it in used),
        )
