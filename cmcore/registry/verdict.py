"""The verdict on a promotion, and on an approval: pure functions of the policy, what people said, evidence and time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from cmcore.filters.moment import written
from cmcore.registry.facts import VersionFacts
from cmcore.registry.gates import Evidence, examined
from cmcore.registry.policy import Approvals, EnvironmentPolicy
from cmcore.registry.texts import person
from cmcore.registry.values import Approval, Finding, Verdict

DAY_S = 86_400
PLUGINS = "no plugin refuses"


def verdict(
    policy: EnvironmentPolicy,
    approvals: Sequence[Approval],
    evidence: Evidence,
    now: float,
    promoter: str,
    registrant: str,
    *,
    current: VersionFacts | None = None,
) -> tuple[Finding, ...]:
    """Everything that was looked at; the version may become the environment's if all of it holds.

    `approvals` are the newest words of people on this version for this environment, `current` what is there now.
    Plugins need not have been asked where something else does not hold.
    """
    gates = tuple(examined(gate, evidence, current) for gate in policy.gates)
    plugins = tuple(Finding(rule=PLUGINS, holds=False, found=said) for said in evidence.objections or ())
    people = quorum(policy.approvals, approvals, now, promoter, registrant, evidence.properties)
    found = (*gates, *plugins, *objections(approvals), *people)
    if evidence.objections is None and all(finding.holds for finding in found):
        return (*found, Finding(rule=PLUGINS, holds=False, found="plugins were not asked: look again"))
    return found


def objections(approvals: Sequence[Approval]) -> tuple[Finding, ...]:
    """Rejections: each stands until it is withdrawn or replaced, whoever said it."""
    return tuple(
        Finding(
            rule="no rejection",
            holds=False,
            found=f"{said.actor} rejected it ({said.reason}); only {said.actor} can take that back: cm approve",
        )
        for said in approvals
        if said.verdict is Verdict.REJECTED
    )


def quorum(
    policy: Approvals,
    approvals: Sequence[Approval],
    now: float,
    promoter: str,
    registrant: str,
    properties: Mapping[str, JsonValue],
) -> tuple[Finding, ...]:
    """Whether enough different people approved, and why others do not count."""
    if policy.quorum == 0:
        return ()
    counted: dict[str, str] = {}
    discounted: list[str] = []
    for said in approvals:
        if said.verdict is Verdict.APPROVED:
            reason = outdated(said, properties) or discount(policy, said, now, promoter, registrant)
            if reason:
                discounted.append(f"{said.actor}'s does not count: {reason}")
            else:
                counted.setdefault(person(said.actor), said.actor)
    by = f" by {', '.join(counted.values())}" if counted else ""
    found = "; ".join([f"{len(counted)} of {policy.quorum} approvals{by}", *discounted])
    enough = len(counted) >= policy.quorum
    return (Finding(rule="approvals", holds=enough, found=found if enough else f"{found}; others can: cm approve"),)


def outdated(said: Approval, properties: Mapping[str, JsonValue]) -> str:
    """Why an approval is about something else than what there is now; empty if it is not."""
    now = digests(properties)
    changed = sorted(name for name in {*said.seen, *now} if said.seen.get(name) != now.get(name))
    return f"properties changed since: {', '.join(changed)}" if changed else ""


def digests(properties: Mapping[str, JsonValue]) -> dict[str, str]:
    """Properties as an approval remembers them: enough to see which have changed."""
    return {
        name: hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
        for name, value in properties.items()
    }


def discount(policy: Approvals, said: Approval, now: float, promoter: str, registrant: str) -> str:
    """Why an approval does not count; empty if it does."""
    expiry = expires_at(policy, said)
    if expiry is not None and expiry <= now:
        return f"it expired at {written(expiry)}"
    if not policy.promoter_may_approve and person(said.actor) == person(promoter):
        return "the policy wants another one to promote than to approve"
    return unfit(policy, said.actor, registrant)


def unfit(policy: Approvals, actor: str, registrant: str) -> str:
    """Why somebody cannot approve; empty if they can."""
    if policy.approvers and person(actor) not in set(map(person, policy.approvers)):
        return f"approvers are {', '.join(policy.approvers)}"
    if policy.separation_of_duty and person(actor) == person(registrant):
        return f"{registrant} registered it, and the policy wants another one to approve"
    return ""


def expires_at(policy: Approvals, said: Approval) -> float | None:
    """When an approval ends: as it was given, or sooner if the policy allows less by now."""
    granted = None if policy.expires_days is None else said.at + policy.expires_days * DAY_S
    known = [end for end in (said.expires_at, granted) if end is not None]
    return min(known, default=None)
