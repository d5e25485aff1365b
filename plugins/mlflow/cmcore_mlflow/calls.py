"""Calls: what is to be written into one MLflow run, cut into pieces that MLflow takes at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cmcore_mlflow import spelling
from cmcore_mlflow.pages import Row

MOST_METRICS, MOST_OTHERS = 800, 90  # MLflow takes 1000 things in one call, 100 of them parameters and 100 tags
CALL_BYTES = 900_000  # and a million bytes
ROW_BYTES = 400


@dataclass(slots=True)
class Call:
    """What goes into one call."""

    metrics: list[Row] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    size: int = 0

    @property
    def full(self) -> bool:
        """Whether the next thing might not fit."""
        return (
            len(self.metrics) >= MOST_METRICS
            or max(len(self.params), len(self.tags)) >= MOST_OTHERS
            or self.size + 6 * spelling.PARAM_LENGTH > CALL_BYTES  # JSON spells a character with up to six bytes
        )


def calls(rows: Iterable[Row], params: Mapping[str, str], tags: Mapping[str, str]) -> list[Call]:
    """All of it, in as few calls as the limits allow; nothing makes none."""
    made = [Call()]
    for row in rows:
        with_room(made).metrics.append(row)
        made[-1].size += ROW_BYTES
    for name, value in params.items():
        with_room(made).params[name] = value
        made[-1].size += len(json.dumps([name, value]))
    for name, value in tags.items():
        with_room(made).tags[name] = value
        made[-1].size += len(json.dumps([name, value]))
    return [call for call in made if call.size]


def with_room(made: list[Call]) -> Call:
    """The last call, or a new one where nothing more may fit."""
    if made[-1].full:
        made.append(Call())
    return made[-1]
