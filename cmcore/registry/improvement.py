"""Whether an evaluation proves that a model is better than the version before it. Pure; what follows is `bump`'s.

A proof is an interval of the paired difference to that very version which excludes 0 on the good side, while no other
metric is worse with confidence. What is not known proves nothing.
"""

from __future__ import annotations

import math
from enum import StrEnum

from cmcore.registry.facts import EvaluationFacts, Measure
from cmcore.registry.values import Finding, ModelVersion
from cmcore.registry.wording import listed, short

CONFIDENCE_MIN = 0.95
USUAL_METRIC = "auc"


def improvement_findings(
    previous: ModelVersion, evaluation: EvaluationFacts | None, *, metric: str = ""
) -> tuple[Finding, ...]:
    """What was looked at, in order; all of it holds where a gain is proven. `metric` is the primary one, if named."""
    if evaluation is None:
        return (Finding(rule="the model is evaluated", holds=False, found="no evaluation was given"),)
    evaluated = Finding(rule="the model is evaluated", holds=True, found=_rows(evaluation))
    compared = _compared(previous, evaluation)
    if not compared.holds:
        return evaluated, compared
    primary = primary_metric(evaluation, metric)
    if not primary:
        names = ", ".join(sorted(evaluation.differences)) or "none"
        found = f"differences are known of: {names}; name one by the model's property primary_metric"
        return evaluated, compared, Finding(rule="a primary metric is known", holds=False, found=found)
    others = sorted(name for name in evaluation.differences if name != primary)
    return (
        evaluated,
        compared,
        _confident(evaluation),
        _better(primary, evaluation),
        *(_not_worse(name, evaluation) for name in others),
    )


def primary_metric(evaluation: EvaluationFacts, named: str = "") -> str:
    """The metric that decides: the named one, else auc, else the only one with a difference; else none."""
    known = evaluation.differences
    if named or USUAL_METRIC in known:
        return named or USUAL_METRIC
    return next(iter(known)) if len(known) == 1 else ""


def _rows(evaluation: EvaluationFacts) -> str:
    return f"{evaluation.rows:,} rows" if evaluation.rows else "on an unknown number of rows"


def _compared(previous: ModelVersion, evaluation: EvaluationFacts) -> Finding:
    rule = f"it is compared with {previous.number} on the same rows"
    if not evaluation.baseline:
        return Finding(rule=rule, holds=False, found="it was compared with no model")
    if evaluation.baseline != previous.facts.digest:
        found = (
            f"it was compared with {short(evaluation.baseline)}; {previous.number} is {short(previous.facts.digest)}"
        )
        return Finding(rule=rule, holds=False, found=found)
    return Finding(rule=rule, holds=True, found=f"with {short(evaluation.baseline)}")


def _confident(evaluation: EvaluationFacts) -> Finding:
    holds = CONFIDENCE_MIN <= evaluation.level < 1
    methods = sorted({measure.method for measure in evaluation.differences.values() if measure.method})
    how = f" ({listed(methods)})" if methods else ""
    rule = f"its intervals are at {100 * CONFIDENCE_MIN:g} % or more"
    return Finding(rule=rule, holds=holds, found=f"its intervals are at {100 * evaluation.level:g} %{how}")


def _better(metric: str, evaluation: EvaluationFacts) -> Finding:
    rule = f"{metric} is better with confidence"
    if metric not in evaluation.differences:
        return Finding(rule=rule, holds=False, found=f"no difference of {metric} is known")
    judged = judgement(metric, evaluation)
    return Finding(rule=rule, holds=judged is Judgement.BETTER, found=_said(metric, evaluation, judged))


def _not_worse(metric: str, evaluation: EvaluationFacts) -> Finding:
    judged = judgement(metric, evaluation)
    holds = judged not in (Judgement.WORSE, Judgement.NO_DIRECTION)
    rule = f"{metric} is not worse with confidence"
    return Finding(rule=rule, holds=holds, found=_said(metric, evaluation, judged))


def _said(metric: str, evaluation: EvaluationFacts, judged: Judgement) -> str:
    return f"{metric} {difference(evaluation.differences[metric])}: {judged}"


class Judgement(StrEnum):
    """What the interval of a difference says."""

    BETTER = "better with confidence"
    WORSE = "worse with confidence"
    OPEN = "the interval includes 0"
    NO_INTERVAL = "no interval is known"
    NONSENSE = "this is no interval around the difference"
    NO_DIRECTION = "whether higher is better is not known"


def judgement(metric: str, evaluation: EvaluationFacts) -> Judgement:
    """What the interval of one metric's difference says; an interval without width says nothing."""
    measure, higher_is_better = evaluation.differences[metric], evaluation.higher_is_better.get(metric)
    low, high = measure.low, measure.high
    if low is None or high is None or not all(map(math.isfinite, (measure.value, low, high))):
        return Judgement.NO_INTERVAL
    if not low <= measure.value <= high or low == high:
        return Judgement.NONSENSE
    if low <= 0 <= high:
        return Judgement.OPEN
    if higher_is_better is None:
        return Judgement.NO_DIRECTION
    return Judgement.BETTER if (low > 0) == higher_is_better else Judgement.WORSE


def difference(measure: Measure) -> str:
    """A difference as people read it."""
    bounds = "" if measure.low is None or measure.high is None else f" [{measure.low:+.4g}, {measure.high:+.4g}]"
    return f"{measure.value:+.4g}{bounds}"
