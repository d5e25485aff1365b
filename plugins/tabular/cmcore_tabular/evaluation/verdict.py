"""Blessed or not, and why: demands against an evaluation. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cmcore_tabular.evaluation.document import HIGHER_IS_BETTER, Estimate, EvaluationDocument, Metric
from cmcore_tabular.evaluation.thresholds import Demand, Thresholds
from cmcore_tabular.statistics.document import Frozen


class Check(Frozen):
    """One demand with its answer."""

    name: str
    passed: bool
    expected: str
    found: str


class Verdict(Frozen):
    """All checks; blessed if there are any and all passed."""

    blessed: bool
    checks: tuple[Check, ...]
    reason: str


def verdict(evaluation: EvaluationDocument, thresholds: Thresholds) -> Verdict:
    """Check every demand. Without demands nothing is blessed: silence is not evidence."""
    if not thresholds.root:
        return Verdict(blessed=False, checks=(), reason="no threshold was set, so nothing was shown")
    checks = tuple(
        check for name, demand in sorted(thresholds.root.items()) for check in _checks(name, demand, evaluation)
    )
    checks += (_agreement_check(evaluation),)
    failed = [check for check in checks if not check.passed]
    if failed:
        reason = "; ".join(f"{check.name}: expected {check.expected}, found {check.found}" for check in failed)
        return Verdict(blessed=False, checks=checks, reason=reason)
    return Verdict(blessed=True, checks=checks, reason=f"all {len(checks)} checks passed")


def _checks(name: str, demand: Demand, evaluation: EvaluationDocument) -> Iterator[Check]:
    metric = Metric(name)
    estimate = evaluation.overall.metrics[metric]
    if demand.min is not None:
        found = estimate.low if demand.evidence == "bound" else estimate.value
        passed = found is not None and found >= demand.min
        yield Check(
            name=f"{metric} min", passed=passed, expected=_demand(">=", demand.min, demand), found=_shown(estimate)
        )
    if demand.max is not None:
        found = estimate.high if demand.evidence == "bound" else estimate.value
        passed = found is not None and found <= demand.max
        yield Check(
            name=f"{metric} max", passed=passed, expected=_demand("<=", demand.max, demand), found=_shown(estimate)
        )
    if demand.max_worsening is not None:
        yield _worsening_check(metric, demand.max_worsening, evaluation)


def _worsening_check(metric: Metric, allowed: float, evaluation: EvaluationDocument) -> Check:
    name, expected = f"{metric} against the baseline", f"worse by at most {allowed:g}"
    if evaluation.comparison is None:
        return Check(name=name, passed=True, expected=expected, found="no baseline yet")
    difference = evaluation.comparison.differences.get(metric)
    if difference is None or difference.low is None or difference.high is None:
        reason = difference.reason if difference else "no paired interval is known for this metric"
        return Check(name=name, passed=False, expected=expected, found=reason)
    worst = -difference.low if metric in HIGHER_IS_BETTER else difference.high
    return Check(name=name, passed=worst <= allowed, expected=expected, found=f"difference {_shown(difference)}")


def _agreement_check(evaluation: EvaluationDocument) -> Check:
    found = evaluation.agreement
    return Check(
        name="ONNX equals skops", passed=found.rows_beyond == 0,
        expected=f"at most {found.tolerance:g} apart on every raw row",
        found=f"{found.rows_beyond} of {found.rows} rows beyond, largest difference {found.max_difference:.3g}",
    )  # fmt: skip


def _demand(sign: str, bound: float, demand: Demand) -> str:
    return f"{sign} {bound:g} at the {'interval bound' if demand.evidence == 'bound' else 'estimate'}"


def _shown(estimate: Estimate) -> str:
    if estimate.value is None:
        return f"no value ({estimate.reason})"
    return f"{estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]"
