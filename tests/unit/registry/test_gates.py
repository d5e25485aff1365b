"""What each gate makes of evidence, and that none passes what nobody looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cmcore.registry.facts import VersionFacts
from cmcore.registry.gates import Evidence, Signature, examined
from cmcore.registry.policy import Gate, NotWorse, Signed, fingerprint
from tests.unit.registry.samples import KEY, evidence

SIGNED = Gate(signed=Signed(keys=(KEY,)))
GOOD = Signature(valid=True, signer=fingerprint(KEY))
BAD = replace(GOOD, valid=False, reason="other bytes")
STRANGE = replace(GOOD, signer="sha256:0")
EVERY_GATE = [
    Gate(blessed=True),
    Gate(infra_blessed=True),
    SIGNED,
    Gate(card="complete"),
    Gate(scan="safe"),
    Gate(where="metrics.auc > 0"),
    Gate(where="not metrics.auc < 0.9"),
    Gate(not_worse=NotWorse(metric="auc", higher_is_better=True)),
]
UNSEEN = Evidence(facts=VersionFacts(digest="sha256:1"))


@pytest.mark.parametrize("gate", EVERY_GATE, ids=lambda gate: gate.name)
def test_no_gate_passes_what_nobody_looked_at(gate: Gate) -> None:
    assert not examined(gate, UNSEEN, evidence(2, auc=0.5).facts).holds


@pytest.mark.parametrize(
    ("gate", "given", "holds", "found"),
    [
        (Gate(blessed=True), evidence(), True, "it is blessed"),
        (Gate(blessed=True), evidence(blessed=False), False, "refused its blessing"),
        (Gate(blessed=True), evidence(blessed=None), False, "it has no blessing"),
        (Gate(infra_blessed=True), evidence(), False, "nobody tried to load it"),
        (Gate(card="complete"), replace(evidence(), card_missing=("owner", "limits")), False, "lacks owner, limits"),
        (Gate(card="complete"), evidence(), True, "complete"),
        (Gate(scan="safe"), replace(evidence(), scan_reasons=("a.pkl is a pickle",)), False, "a.pkl is a pickle"),
        (Gate(scan="safe"), evidence(), True, "safe to load"),
        (SIGNED, evidence(), False, "not signed, or nobody looked"),
        (SIGNED, replace(evidence(), signatures=(GOOD,)), True, "signed by sha256:"),
        (SIGNED, replace(evidence(), signatures=(BAD,)), False, "other bytes"),
        (SIGNED, replace(evidence(), signatures=(STRANGE,)), False, "none of the policy's keys"),
    ],
)  # fmt: skip
def test_a_gate(gate: Gate, given: Evidence, holds: bool, found: str) -> None:
    finding = examined(gate, given, None)
    assert (finding.holds, found in finding.found) == (holds, True)


@pytest.mark.parametrize("infra", [True, False, None])
def test_infra_blessing_passes_only_where_the_model_answered(infra: bool | None) -> None:
    given = evidence()
    looked = replace(given, facts=given.facts.model_copy(update={"infra_blessed": infra}))
    assert examined(Gate(infra_blessed=True), looked, None).holds is (infra is True)


OTHER = KEY.replace("Em6T7", "Em6T8")


def test_two_gates_hold_where_each_has_a_signature_of_its_own() -> None:
    given = replace(evidence(), signatures=(GOOD, replace(GOOD, signer=fingerprint(OTHER))))
    gates = [SIGNED, Gate(signed=Signed(keys=(OTHER,)))]
    assert [examined(gate, given, None).holds for gate in gates] == [True, True]


def test_a_signature_that_holds_is_not_spoilt_by_one_that_does_not() -> None:
    given = replace(evidence(), signatures=(BAD, GOOD))
    assert examined(SIGNED, given, None).holds


def test_no_signatures_are_no_signature() -> None:
    assert "not signed" in examined(SIGNED, replace(evidence(), signatures=()), None).found
