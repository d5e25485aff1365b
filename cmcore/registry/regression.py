"""The gate `not_worse`: a metric against that of the version that an environment has now. Pure."""

from __future__ import annotations

import math

from cmcore.registry.facts import EvaluationFacts, Measure, VersionFacts
from cmcore.registry.policy import NotWorse
from cmcore.registry.values import Finding


def not_worse(asked: NotWorse, facts: VersionFacts, current: VersionFacts | None) -> Finding:
    """Whether a metric is at least that of the version that is there now, less the margin.

    A paired difference to that very version counts with its interval; else the two plain values are compared.
    """
    rule = f"not_worse {asked.metric}"
    if current is None:
        return Finding(rule=rule, holds=True, found="the environment has no version yet")
    evaluation = facts.evaluation
    higher = direction(asked, evaluation, current.evaluation)
    if higher is None:
        found = f"it is not known whether higher {asked.metric} is better: say so in the policy (higher_is_better)"
        return Finding(rule=rule, holds=False, found=found)
    paired = evaluation.differences.get(asked.metric) if evaluation else None
    if evaluation and paired and evaluation.baseline == current.digest:
        loss, how = worst_loss(paired, higher_is_better=higher), f"paired on {evaluation.rows:,} rows"
    else:
        loss = plain_loss(value_in(evaluation, asked.metric), value_in(current.evaluation, asked.metric), higher)
        how = "plain values, not paired on the same rows"
    if loss is None:
        return Finding(rule=rule, holds=False, found=f"{asked.metric} was not measured in both versions")
    than = "at worst better by" if loss < 0 else "at worst worse by"
    return Finding(rule=rule, holds=loss <= asked.by, found=f"{than} {abs(loss):.6g} ({how}); allowed is {asked.by:g}")


def direction(asked: NotWorse, *evaluations: EvaluationFacts | None) -> bool | None:
    """Whether higher is better: the policy's word, else the evaluations'."""
    known = (each.higher_is_better.get(asked.metric) for each in evaluations if each)
    return next((word for word in (asked.higher_is_better, *known) if word is not None), None)


def worst_loss(difference: Measure, *, higher_is_better: bool) -> float | None:
    """How much worse the model may be, from model minus baseline; the bad end of the interval, if there is one."""
    end = difference.low if higher_is_better else difference.high
    worst = difference.value if end is None else end
    if not math.isfinite(worst):
        return None
    return -worst if higher_is_better else worst


def value_in(evaluation: EvaluationFacts | None, metric: str) -> float | None:
    """A metric's plain value, if there is a finite one."""
    measure = evaluation.metrics.get(metric) if evaluation else None
    return measure.value if measure and math.isfinite(measure.value) else None


def plain_loss(own: float | None, other: float | None, higher_is_better: bool) -> float | None:
    """How much worse one value is than another."""
    if own is None or other is None:
        return None
    return other - own if higher_is_better else own - other
