"""Which part of a version's number goes up, and why: computed from the facts of two versions, never typed. Pure.

After Toosi, "Deploying ML models in Production", part 3. MAJOR: callers would break. MINOR: the evaluation proves that
the model is better. PIPELINE: anything else.
"""

from __future__ import annotations

from collections.abc import Sequence

from cmcore.errors import UsageError
from cmcore.registry.changes import looks
from cmcore.registry.compatibility import interface_findings
from cmcore.registry.facts import VersionFacts
from cmcore.registry.improvement import difference, improvement_findings, primary_metric
from cmcore.registry.names import VersionNumber
from cmcore.registry.values import Bump, Finding, Level, ModelVersion
from cmcore.registry.wording import listed

FIRST = VersionNumber(1, 0, 0)
NOTHING_CHANGED = "nothing known changed"


def bumped(previous: ModelVersion | None, facts: VersionFacts, *, metric: str = "") -> Bump:
    """The level over the previous version with everything that was looked at; `metric` is the primary one, if named."""
    if previous is None:
        return Bump(level=Level.FIRST, reason="this is the model's first version")
    kept = interface_findings(previous.facts.interface, facts.interface)
    gained = improvement_findings(previous, facts.evaluation, metric=metric)
    looked = looks(previous.facts.origin, facts.origin)
    changes = tuple(change for look in looked for change in look.changes)
    broken, missing = _failed(kept), _failed(gained)
    if broken:
        level, reason = Level.MAJOR, f"callers of {previous.number} would break: {_told(broken)}"
    elif not missing:
        level, reason = Level.MINOR, _gain(previous, facts, metric)
    else:
        changed = listed(changes) or NOTHING_CHANGED
        level, reason = Level.PIPELINE, f"{changed}; no gain over {previous.number} is proven: {_told(missing)}"
    findings = (*kept, *gained, *(look.finding for look in looked))
    return Bump(level=level, reason=reason, findings=findings, over=previous.number)


def next_number(previous: VersionNumber | None, level: Level) -> VersionNumber:
    """The number that follows; the first is 1.0.0 whatever was asked for."""
    if previous is None:
        return FIRST
    match level:
        case Level.MAJOR:
            return VersionNumber(previous.major + 1, 0, 0)
        case Level.MINOR:
            return VersionNumber(previous.major, previous.minor + 1, 0)
        case Level.PIPELINE:
            return VersionNumber(previous.major, previous.minor, previous.pipeline + 1)
        case Level.FIRST:
            raise UsageError(f"a version after {previous} cannot be the first; choose major, minor or pipeline")


def _failed(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.holds]


def _told(findings: Sequence[Finding]) -> str:
    return listed(finding.found for finding in findings)


def _gain(previous: ModelVersion, facts: VersionFacts, metric: str) -> str:
    assert facts.evaluation is not None
    primary = primary_metric(facts.evaluation, metric)
    shown = difference(facts.evaluation.differences[primary])
    return f"{primary} is better than in {previous.number} with confidence: {shown}; no other metric is worse"
