from __future__ import annotations

import pytest

from cmcore.errors import UsageError
from cmcore.registry.facts import EvaluationFacts, Measure, VersionFacts
from cmcore.registry.names import Reference
from cmcore.registry.preview import Outcome, foreseen
from cmcore.registry.store import Registry
from cmcore.registry.values import Level, Registered
from tests.unit.registry.samples import facts

BETTER, LESS = Measure(value=0.1, low=0.05, high=0.15), Measure(value=-0.1, low=-0.15, high=-0.05)


def compared(baseline: int, number: int) -> VersionFacts:
    evaluation = EvaluationFacts(
        baseline=facts(baseline).digest, differences={"auc": BETTER, "loss": LESS},
        higher_is_better={"auc": True, "loss": False},
    )  # fmt: skip
    return facts(number).model_copy(update={"evaluation": evaluation})


def outcome(made: Registered) -> Outcome:
    return Outcome.of(made)


def test_a_first_version_is_foreseen(registry: Registry) -> None:
    expected = foreseen(registry, "flights", facts(1), level=None, reason="")
    assert expected == outcome(registry.register("flights", facts(1)))


def test_nothing_is_changed_by_looking_ahead(registry: Registry) -> None:
    foreseen(registry, "flights", facts(1), level=None, reason="")
    assert registry.models() == []


@pytest.mark.parametrize(
    ("level", "reason", "number"), [(None, "", "1.1.0"), (Level.MINOR, "", "1.1.0"), (Level.MAJOR, "why", "2.0.0")]
)
def test_a_later_version_is_foreseen(registry: Registry, level: Level | None, reason: str, number: str) -> None:
    registry.register("flights", facts(1))
    expected = foreseen(registry, "flights", compared(1, 2), level=level, reason=reason)
    made = outcome(registry.register("flights", compared(1, 2), level=level, reason=reason))
    assert (expected, str(expected.number)) == (made, number)


def test_the_same_bytes_are_foreseen_as_known(registry: Registry) -> None:
    registry.register("flights", facts(1))
    expected = foreseen(registry, "flights", facts(1), level=None, reason="")
    assert (expected.known, expected) == (True, outcome(registry.register("flights", facts(1))))


def test_the_models_own_primary_metric_decides(registry: Registry) -> None:
    registry.register("flights", facts(1))
    registry.describe(Reference(model="flights"), {"primary_metric": "recall"})
    assert foreseen(registry, "flights", compared(1, 2), level=None, reason="").level is Level.PIPELINE


def test_another_level_without_a_reason_is_refused_beforehand(registry: Registry) -> None:
    registry.register("flights", facts(1))
    with pytest.raises(UsageError, match="give a reason"):
        foreseen(registry, "flights", compared(1, 2), level=Level.MAJOR, reason="")
