"""Gates: what evidence must show before a version becomes an environment's. Pure; what nobody looked at never passes.

Evidence is gathered by the caller of a promotion; facts and properties are the registry's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from cmcore.registry.facts import VersionFacts
from cmcore.registry.policy import Gate, NotWorse, Signed
from cmcore.registry.regression import not_worse
from cmcore.registry.thresholds import where
from cmcore.registry.values import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What verifying a version's signature came to; `signer` is the fingerprint of the key (`policy.fingerprint`)."""

    valid: bool
    signer: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What gates look at; None where nobody looked, or asked. `signatures` may hold or not; `card_missing` are sections
    of the card, `scan_reasons` dangers, `objections` what plugins say against the version.
    """

    facts: VersionFacts
    properties: Mapping[str, JsonValue] = field(default_factory=dict)
    signatures: tuple[Signature, ...] | None = None
    card_missing: tuple[str, ...] | None = None
    scan_reasons: tuple[str, ...] | None = None
    objections: tuple[str, ...] | None = None


NOT_LOOKED_AT = "nobody looked"
SHOWN = 19  # of a fingerprint


def examined(gate: Gate, evidence: Evidence, current: VersionFacts | None) -> Finding:
    """What a gate found; `current` is the version that the environment has now."""
    match gate.asked:
        case Signed() as asked:
            return signed(asked, evidence.signatures or ())
        case NotWorse() as asked:
            return not_worse(asked, evidence.facts, current)
        case str(text) if gate.where is not None:
            return where(text, evidence.facts, evidence.properties)
    return PLAIN[gate.name](evidence)


def blessed(evidence: Evidence) -> Finding:
    """The evaluator's word."""
    found = {
        True: "it is blessed",
        False: "the evaluator refused its blessing: look at the evaluation (cm why), and train a better one",
        None: "it has no blessing: let an evaluator judge it in the pipeline that makes it",
    }
    return Finding(rule="blessed", holds=evidence.facts.blessed is True, found=found[evidence.facts.blessed])


def infra_blessed(evidence: Evidence) -> Finding:
    """Whether the model was seen to work where it is to run."""
    found = {
        True: "it was loaded and it answered",
        False: "it could not be loaded, or gave no answer: look at its infra validation (cm why)",
        None: "nobody tried to load it: put an infra validator into the pipeline that makes it",
    }
    holds = evidence.facts.infra_blessed is True
    return Finding(rule="infra_blessed", holds=holds, found=found[evidence.facts.infra_blessed])


def card(evidence: Evidence) -> Finding:
    """Whether the model card is complete."""
    missing = evidence.card_missing
    if missing is None:
        found = f"{NOT_LOOKED_AT} at its model card"
    else:
        found = f"the model card lacks {', '.join(missing)}: cm describe" if missing else "the model card is complete"
    return Finding(rule="card", holds=missing == (), found=found)


def scan(evidence: Evidence) -> Finding:
    """Whether the model's files are safe to load."""
    reasons = evidence.scan_reasons
    if reasons is None:
        found = f"{NOT_LOOKED_AT} at its files: cm scan"
    else:
        found = f"its files are not safe to load: {'; '.join(reasons)}" if reasons else "its files are safe to load"
    return Finding(rule="scan", holds=reasons == (), found=found)


PLAIN: Mapping[str, Callable[[Evidence], Finding]] = {
    "blessed": blessed,
    "infra_blessed": infra_blessed,
    "card": card,
    "scan": scan,
}


def signed(asked: Signed, signatures: Sequence[Signature]) -> Finding:
    """Whether one of the keys signed these bytes, whoever else did."""
    signers = [each.signer for each in signatures if each.valid]
    if known := [signer for signer in signers if signer in asked.fingerprints]:
        return Finding(rule="signed", holds=True, found=f"signed by {known[0][:SHOWN]}")
    if signers:
        by = ", ".join(signer[:SHOWN] for signer in dict.fromkeys(signers))
        found = f"signed by {by}, which is none of the policy's keys"
    elif signatures:
        found = f"its signature does not hold: {'; '.join(dict.fromkeys(each.reason for each in signatures))}"
    else:
        found = "it is not signed, or nobody looked: cm sign"
    return Finding(rule="signed", holds=False, found=found)
