"""The versions that both registries are filled with and asked for, and what is asked of a registry. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

MODEL, ALIAS = "flights", "champion"
METRICS = ("auc", "accuracy", "precision", "recall", "log_loss")
BANDS = 100
SPREAD = 7919  # a prime, so that metrics do not grow with the versions
MODULUS = 10_007


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One version: told apart by its number, in one of BANDS bands."""

    number: int

    @property
    def metrics(self) -> dict[str, float]:
        """Five metrics between 0 and 1, all different from version to version."""
        return {name: (self.number + place) * SPREAD % MODULUS / MODULUS for place, name in enumerate(METRICS)}

    @property
    def digest(self) -> str:
        return f"sha256:{self.number:064x}"

    @property
    def uri(self) -> str:
        return f"file:///project/.cm/artifacts/run-{self.number}/train/1/model/0"

    @property
    def run(self) -> str:
        """32 characters, which is what MLflow takes."""
        return f"{self.number:032x}"

    @property
    def band(self) -> str:
        return str(self.number % BANDS)


def threshold(count: int) -> float:
    """The AUC that one in BANDS of so many versions is above."""
    values = sorted((Sample(number=number).metrics["auc"] for number in range(count)), reverse=True)
    return values[count // BANDS]


class RegistrySide(Protocol):
    """A registry that is measured. What finds versions answers how many it has read."""

    def fill(self, count: int) -> None:
        """Have so many versions, the last of them under ALIAS, written in bulk."""
        ...

    def register(self, sample: Sample) -> int:
        """One version with its metrics, as users register it."""
        ...

    def alias(self) -> int:
        """The version under ALIAS."""
        ...

    def band(self) -> int:
        """The versions of one band, by an equality on a text."""
        ...

    def metric(self) -> int:
        """The versions above the threshold, by a comparison of a metric; 0 where there is no such search."""
        ...

    def everything(self) -> int:
        """All versions, page by page."""
        ...
