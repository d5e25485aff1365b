"""The verdict: quorum, separation of duty, expiry, rejections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from cmcore.registry.gates import Evidence
from cmcore.registry.policy import DEFAULT, Approvals, EnvironmentPolicy
from cmcore.registry.values import Approval, Verdict
from cmcore.registry.verdict import digests, verdict
from tests.unit.registry.samples import DAY, NOW, evidence, said

NO = Verdict.REJECTED


def passes(policy: Approvals, words: Sequence[Approval], promoter: str = "eve", now: float = NOW) -> bool:
    environment = EnvironmentPolicy(approvals=policy)
    return all(it.holds for it in verdict(environment, words, evidence(), now, promoter, "ana"))


def why(policy: Approvals, words: Sequence[Approval], now: float = NOW) -> str:
    found = verdict(EnvironmentPolicy(approvals=policy), words, evidence(), now, "eve", "ana")
    return "; ".join(it.found for it in found if not it.holds)


@pytest.mark.parametrize(
    ("policy", "words", "expected"),
    [
        (Approvals(), [], False),
        (Approvals(quorum=0), [], True),
        (Approvals(), [said()], True),
        (Approvals(quorum=2), [said()], False),
        (Approvals(quorum=2), [said(), said("kim")], True),
        (Approvals(quorum=2), [said(), said("Bob"), said("\uff42ob")], False),
        (Approvals(), [said("ana")], False),
        (Approvals(), [said("ANA")], False),
        (Approvals(separation_of_duty=False), [said("ana")], True),
        (Approvals(), [said("eve")], True),
        (Approvals(promoter_may_approve=False), [said("eve")], False),
        (Approvals(promoter_may_approve=False), [said("eve"), said("kim")], True),
        (Approvals(approvers=("kim",)), [said()], False),
        (Approvals(approvers=("Kim",)), [said("kim")], True),
        (Approvals(), [said(), said("kim", NO)], False),
        (Approvals(quorum=0), [said("kim", NO)], False),
        (Approvals(approvers=("bob",)), [said(), said("kim", NO)], False),
        (Approvals(), [said(expires_at=NOW)], False),
        (Approvals(), [said(expires_at=NOW + 1)], True),
        (Approvals(), [said(at=NOW - 31 * DAY)], False),
        (Approvals(expires_days=None), [said(at=NOW - 31 * DAY)], True),
        (Approvals(expires_days=1), [said(at=NOW - 2 * DAY, expires_at=NOW + DAY)], False),
        (Approvals(expires_days=None), [said(at=NOW - 2 * DAY, expires_at=NOW - DAY)], False),
    ],
)
def test_words_amount_to(policy: Approvals, words: list[Approval], expected: bool) -> None:
    assert passes(policy, words) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "0 of 1 approvals; others can: cm approve"),
        ([said("ana")], "ana registered it, and the policy wants another one"),
        ([said(expires_at=NOW - DAY)], "it expired at 2027-01-14"),
        ([said(), said("kim", NO, reason="drifts")], "kim rejected it (drifts); only kim can take that back"),
    ],
)
def test_a_refusal_says_who_and_what_to_do(words: list[Approval], expected: str) -> None:
    assert expected in why(Approvals(), words)


ACTORS = st.sampled_from(["ana", "bob", "eve", "kim"])
WORDS = st.lists(
    st.builds(said, ACTORS, st.sampled_from(Verdict), at=st.floats(NOW - 60 * DAY, NOW), expires_at=st.none()),
    unique_by=lambda word: word.actor,
)
POLICIES = st.builds(
    Approvals,
    quorum=st.integers(0, 3),
    expires_days=st.none() | st.floats(1, 40),
    separation_of_duty=st.booleans(),
    promoter_may_approve=st.booleans(),
    approvers=st.lists(ACTORS, unique=True).map(tuple),
)


@given(policy=POLICIES, words=WORDS, rejected=st.builds(said, st.just("joe"), st.just(NO)))
def test_nothing_passes_over_a_rejection(policy: Approvals, words: list[Approval], rejected: Approval) -> None:
    assert not passes(policy, [*words, rejected])


@given(policy=POLICIES, words=WORDS)
def test_what_passes_has_a_quorum_of_different_people_who_are_not_the_registrant(
    policy: Approvals, words: list[Approval]
) -> None:
    people = {word.actor for word in words} - ({"ana"} if policy.separation_of_duty else set())
    assert passes(policy, words) <= (len(people) >= policy.quorum)


@given(policy=POLICIES, words=WORDS, wait=st.floats(0, 100 * DAY))
def test_waiting_never_turns_a_refusal_into_a_pass(policy: Approvals, words: list[Approval], wait: float) -> None:
    assert passes(policy, words, now=NOW + wait) <= passes(policy, words)


def test_gates_come_before_approvals_and_all_of_them_are_told() -> None:
    found = verdict(DEFAULT.environment("production"), [], evidence(blessed=False), NOW, "eve", "ana")
    assert [(it.rule, it.holds) for it in found] == [("blessed", False), ("scan", True), ("approvals", False)]


FREE = EnvironmentPolicy()


def plugins_said(given: Evidence, policy: EnvironmentPolicy = FREE) -> list[str]:
    return [it.found for it in verdict(policy, [], given, NOW, "eve", "ana") if it.rule == "no plugin refuses"]


def test_nothing_passes_where_plugins_were_not_asked() -> None:
    assert plugins_said(replace(evidence(), objections=None)) == ["plugins were not asked: look again"]


def test_plugins_need_not_be_asked_where_something_else_does_not_hold() -> None:
    given = replace(evidence(blessed=False), objections=None)
    assert plugins_said(given, DEFAULT.environment("production")) == []


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        ({"owner": "kim", "risk": "low"}, ""),
        ({"owner": "kim"}, "properties changed since: risk"),
        ({"owner": "bob", "risk": "low"}, "properties changed since: owner"),
        ({"owner": "kim", "risk": "low", "slices": []}, "properties changed since: slices"),
    ],
)
def test_an_approval_is_about_the_properties_that_were_there(seen: dict[str, JsonValue], why: str) -> None:
    word = replace(said(), seen=digests(seen))
    given = replace(evidence(), properties={"owner": "kim", "risk": "low"})
    (found,) = verdict(EnvironmentPolicy(approvals=Approvals()), [word], given, NOW, "eve", "ana")
    assert (found.holds, why in found.found) == (not why, True)
