"""The gate `where`, also against evidence that is not there."""

from __future__ import annotations

import math

import pytest
from pydantic import JsonValue

from cmcore.registry.facts import EvaluationFacts, Measure, VersionFacts
from cmcore.registry.thresholds import where

FACTS = VersionFacts(
    digest="sha256:1",
    evaluation=EvaluationFacts(
        metrics={
            "auc": Measure(value=0.92, low=0.9, high=0.94),
            "rmse": Measure(value=math.nan),
            "f 1": Measure(value=1),
        }
    ),
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("metrics.auc >= 0.9", True),
        ("metrics.auc >= 0.93", False),
        ('metrics."auc.low" >= 0.9', True),
        ("metrics.auc.high > 0.95", False),
        ("metrics.`f 1` = 1", True),
        ('properties.team = "delays"', True),
        ("properties.reviewed = true", True),
        ("properties.rows > 1000", True),
        ("metrics.auc > 0.9 and properties.rows < 10", False),
        ("metrics.auc > 0.99 or properties.rows > 10", True),
        ("not metrics.auc < 0.9", True),
        ("metrics.f1 > 0", False),
        ("not metrics.f1 > 0", False),
        ("not metrics.rmse > 9", False),
        ("metrics.rmse < 9", False),
        ("metrics.rmse exists", False),
        ("not metrics.f1 exists", True),
        ("not (metrics.auc < 0.9 or metrics.f1 > 3)", False),
        ("not not metrics.f1 > 0", False),
        ("properties.list = 1", False),
    ],
)
def test_a_filter_over_evidence(text: str, holds: bool) -> None:
    properties: dict[str, JsonValue] = {"team": "delays", "reviewed": True, "rows": 2000, "list": [1]}
    assert where(text, FACTS, properties).holds is holds


def test_a_finding_names_every_value_that_was_asked_for() -> None:
    found = where('metrics.auc > 0.95 and not properties.team = "x"', FACTS, {}).found
    assert found == "metrics.auc is 0.92, properties.team is not known"


def test_nothing_holds_of_a_version_without_an_evaluation() -> None:
    assert not where("metrics.auc > 0", VersionFacts(digest="sha256:1"), {}).holds
