"""The gate `not_worse`: paired differences where there are some, plain values else."""

from __future__ import annotations

import math

import pytest

from cmcore.registry.facts import EvaluationFacts, Measure, VersionFacts
from cmcore.registry.policy import NotWorse
from cmcore.registry.regression import not_worse

BY = 0.005


def current(value: float = 0.90) -> VersionFacts:
    return VersionFacts(digest="sha256:0", evaluation=EvaluationFacts(metrics={"m": Measure(value=value)}))


def candidate(
    value: float = 0.9, difference: Measure | None = None, *, higher: bool | None = True, baseline: str = "sha256:0"
) -> VersionFacts:
    return VersionFacts(
        digest="sha256:1",
        evaluation=EvaluationFacts(
            metrics={"m": Measure(value=value)},
            differences={"m": difference} if difference else {},
            baseline=baseline,
            rows=1000,
            higher_is_better={} if higher is None else {"m": higher},
        ),
    )


@pytest.mark.parametrize(
    ("own", "higher", "holds"),
    [
        (0.90, True, True), (0.896, True, True), (0.894, True, False), (0.99, True, True),
        (0.90, False, True), (0.904, False, True), (0.906, False, False), (0.1, False, True),
    ],
)  # fmt: skip
def test_plain_values_are_compared_where_there_is_no_difference(own: float, higher: bool, holds: bool) -> None:
    found = not_worse(NotWorse(metric="m", by=BY), candidate(own, higher=higher), current())
    assert (found.holds, "not paired" in found.found) == (holds, True)


@pytest.mark.parametrize(
    ("difference", "higher", "holds"),
    [
        (Measure(value=0.01, low=-0.004, high=0.02), True, True),
        (Measure(value=0.01, low=-0.006, high=0.02), True, False),
        (Measure(value=-0.004), True, True),
        (Measure(value=-0.006), True, False),
        (Measure(value=-0.01, low=-0.02, high=0.004), False, True),
        (Measure(value=-0.01, low=-0.02, high=0.006), False, False),
        (Measure(value=math.nan), True, False),
        (Measure(value=0.1, low=math.nan, high=0.2), True, False),
    ],
)
def test_the_bad_end_of_a_paired_interval_counts(difference: Measure, higher: bool, holds: bool) -> None:
    found = not_worse(NotWorse(metric="m", by=BY), candidate(0.1, difference, higher=higher), current())
    assert found.holds is holds


def test_a_difference_to_another_version_does_not_count() -> None:
    found = not_worse(NotWorse(metric="m"), candidate(0.1, Measure(value=0.5), baseline="sha256:7"), current())
    assert (found.holds, "not paired" in found.found) == (False, True)


def test_the_first_version_is_worse_than_none() -> None:
    assert not_worse(NotWorse(metric="m"), candidate(), None).holds


def test_nothing_passes_while_the_better_direction_is_unknown() -> None:
    found = not_worse(NotWorse(metric="m"), candidate(higher=None), current())
    assert (found.holds, "higher_is_better" in found.found) == (False, True)


def test_the_policy_may_say_which_direction_is_better() -> None:
    assert not_worse(NotWorse(metric="m", higher_is_better=False), candidate(0.1, higher=None), current()).holds


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_passes_nothing(value: float) -> None:
    assert not not_worse(NotWorse(metric="m"), candidate(value), current()).holds


def test_a_metric_that_was_not_measured_passes_nothing() -> None:
    assert not not_worse(NotWorse(metric="f1", higher_is_better=True), candidate(), current()).holds
