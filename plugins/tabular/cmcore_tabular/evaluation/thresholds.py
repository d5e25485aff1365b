"""What a person demands of a model. Light: imported to check documents, so nothing but pydantic stands here."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, RootModel

MetricName = Literal["auc", "log_loss", "brier", "accuracy", "precision", "recall", "calibration_error"]


class Demand(BaseModel):
    """Bounds on one metric.

    `evidence: bound` asks it of the interval's worse end, `value` of the estimate itself. `max_worsening` is how
    much worse than the baseline the model may be, at the worse end of the paired interval.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: float | None = None
    max: float | None = None
    evidence: Literal["bound", "value"] = "bound"
    max_worsening: float | None = None


class Thresholds(RootModel[dict[MetricName, Demand]]):
    """Demands by metric."""

    model_config = ConfigDict(frozen=True)
