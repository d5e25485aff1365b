"""Small values of the registry for tests: facts of a version, evidence for it, approvals."""

from __future__ import annotations

from cmcore.registry.facts import EvaluationFacts, Measure, Origin, VersionFacts
from cmcore.registry.gates import Evidence
from cmcore.registry.names import Reference, VersionNumber
from cmcore.registry.values import Approval, Verdict

NOW = 1_800_000_000.0
DAY = 86_400.0
KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEm6T7LJHOfKkPCdXcPQyF3kR0Wb2T
hPPd1c3iFzDhVqCwG7yQ5uXb3oC3hV0o1v1T0m5b8cXy1nB8n3c5pQ3rSA==
-----END PUBLIC KEY-----
"""


def measured(**metrics: float) -> EvaluationFacts:
    """An evaluation with these metrics, higher being better for all of them."""
    return EvaluationFacts(
        metrics={name: Measure(value=value) for name, value in metrics.items()},
        higher_is_better=dict.fromkeys(metrics, True),
    )


def facts(number: int = 1, *, blessed: bool | None = True, **metrics: float) -> VersionFacts:
    """Facts of a model whose bytes are told apart by a number."""
    return VersionFacts(
        digest=f"sha256:{number:064x}",
        uri=f"file:///models/{number}",
        blessed=blessed,
        evaluation=measured(**metrics),
        origin=Origin(run=f"run-{number}", node="train", data={"data.csv": f"sha256:{number % 3:x}"}),
    )


def evidence(number: int = 1, *, blessed: bool | None = True, **metrics: float) -> Evidence:
    """Evidence that passes the built-in policy's gates."""
    return Evidence(facts=facts(number, blessed=blessed, **metrics), card_missing=(), scan_reasons=(), objections=())


def said(
    actor: str = "bob",
    verdict: Verdict = Verdict.APPROVED,
    *,
    at: float = NOW,
    expires_at: float | None = None,
    reason: str = "seen",
) -> Approval:
    """Somebody's word on flights 1.0.0 for production."""
    return Approval(
        model="flights",
        version=VersionNumber(1, 0, 0),
        environment="production",
        actor=actor,
        verdict=verdict,
        reason=reason,
        at=at,
        expires_at=expires_at,
    )


def ref(text: str) -> Reference:
    """A reference as people write it."""
    return Reference.parse(text)
