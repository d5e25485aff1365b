"""Approving, rejecting, withdrawing; policies and what it takes to weaken one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cmcore.errors import NotFoundError, RefusedError, UsageError
from cmcore.events import EventKind
from cmcore.registry.policy import DEFAULT, Policy
from cmcore.registry.store import Registry
from cmcore.registry.values import Verdict
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from tests.unit.registry.conftest import Watch
from tests.unit.registry.samples import DAY, KEY, NOW, evidence, facts, ref, said

YES, NO = Verdict.APPROVED, Verdict.REJECTED
LOOSE = Policy.model_validate({"environments": {"dev": {}, "production": {}}})
STRICT = Policy.model_validate(
    {
        "model": "flights",
        "environments": {"production": {"protected": True, "approvals": {"quorum": 2, "approvers": ["bob", "kim"]}}},
    }
)


@pytest.fixture
def one(registry: Registry) -> Registry:
    registry.register("flights", facts(1))
    return registry


def test_an_approval_is_kept_with_its_end(one: Registry, bobs: Registry) -> None:
    given = bobs.approve(ref("flights"), "production", YES, "looked at the slices")
    assert one.approvals(ref("flights")) == [given]
    assert given == said(expires_at=NOW + 30 * DAY, reason="looked at the slices")


def test_a_newer_word_of_a_person_replaces_the_older(one: Registry, bobs: Registry, watch: Watch) -> None:
    bobs.approve(ref("flights"), "production", YES)
    watch.seconds += 1
    bobs.approve(ref("flights"), "production", NO, "it drifts")
    assert [it.verdict for it in one.approvals(ref("flights"))] == [NO]


def test_words_of_different_people_stand_beside_each_other(
    one: Registry, bobs: Registry, registry_of: Callable[[str], Registry]
) -> None:
    bobs.approve(ref("flights"), "production", YES)
    registry_of("kim").approve(ref("flights"), "production", YES)
    assert [it.actor for it in one.approvals(ref("flights"))] == ["bob", "kim"]


def test_a_withdrawn_word_is_gone(one: Registry, bobs: Registry) -> None:
    bobs.approve(ref("flights"), "production", YES)
    bobs.withdraw(ref("flights"), "production")
    assert one.approvals(ref("flights")) == []


def test_nobody_withdraws_anothers_word(one: Registry, bobs: Registry) -> None:
    bobs.approve(ref("flights"), "production", NO, "it drifts")
    with pytest.raises(NotFoundError, match=r"ana has said nothing on flights@1\.0\.0 for 'production'"):
        one.withdraw(ref("flights"), "production")


def test_whoever_registered_a_version_cannot_approve_it(one: Registry) -> None:
    with pytest.raises(RefusedError, match="ana registered it, and the policy wants another one to approve"):
        one.approve(ref("flights"), "production", YES)


def test_whoever_registered_a_version_may_reject_it(one: Registry) -> None:
    assert one.approve(ref("flights"), "production", NO, "wrong data").verdict is NO


def test_who_is_no_approver_cannot_approve(one: Registry, registry_of: Callable[[str], Registry]) -> None:
    one.apply_policy(STRICT, "the release board decides from now on")
    with pytest.raises(RefusedError, match="approvers are bob, kim"):
        registry_of("joe").approve(ref("flights"), "production", YES)


def test_a_rejection_needs_a_reason(one: Registry, bobs: Registry) -> None:
    with pytest.raises(UsageError, match="give a reason"):
        bobs.approve(ref("flights"), "production", NO)


def test_a_rejection_does_not_end(one: Registry, bobs: Registry) -> None:
    assert bobs.approve(ref("flights"), "production", NO, "it drifts").expires_at is None


def test_an_unknown_environment_cannot_be_approved_for(one: Registry, bobs: Registry) -> None:
    with pytest.raises(NotFoundError, match="'prod' is no environment"):
        bobs.approve(ref("flights"), "prod", YES)


def test_words_are_told_to_the_event_log(one: Registry, bobs: Registry, database: StateDatabase) -> None:
    bobs.approve(ref("flights"), "production", YES, "fine")
    bobs.withdraw(ref("flights"), "production")
    given, taken = Journal(database).read()[-2:]
    assert (given.kind, given.data["verdict"], given.data["expires_at"]) == (
        EventKind.APPROVAL_GIVEN, "approved", NOW + 30 * DAY,
    )  # fmt: skip
    assert (taken.kind, taken.data["version"], taken.data["actor"]) == (EventKind.APPROVAL_WITHDRAWN, "1.0.0", "bob")


def test_without_a_policy_the_built_in_one_is_in_force(one: Registry) -> None:
    assert one.policy("flights") == DEFAULT


def test_a_models_own_policy_wins_over_the_one_for_all(one: Registry) -> None:
    one.apply_policy(LOOSE, "a toy project")
    one.apply_policy(STRICT)
    assert (one.policy("flights"), one.policy("trains")) == (STRICT, LOOSE)


def test_a_weaker_policy_needs_a_reason_and_says_what_it_weakens(one: Registry) -> None:
    with pytest.raises(UsageError, match=r"give a reason \(--reason\):\n  production: it would not be protected"):
        one.apply_policy(LOOSE)
    assert one.policy("flights") == DEFAULT


def test_a_weaker_policy_is_applied_for_a_reason_that_stays_in_the_log(one: Registry) -> None:
    easier = one.apply_policy(LOOSE, "a toy project")
    entry = list(one.audit.entries())[-1]
    assert (entry.action, entry.model, entry.data["reason"]) == ("policy.applied", "*", "a toy project")
    assert entry.data["weakens"] == list(easier)


def test_a_first_policy_of_a_model_is_compared_with_what_was_in_force_for_it(one: Registry) -> None:
    with pytest.raises(UsageError, match="the gate 'blessed' would go"):
        one.apply_policy(STRICT)


def test_a_key_must_be_in_the_policy_itself(one: Registry) -> None:
    gates = [{"signed": {"keys": ["release.pem"]}}]
    with pytest.raises(UsageError, match="no public key"):
        one.apply_policy(Policy.model_validate({"model": "flights", "environments": {"live": {"gates": gates}}}), "x")


def test_a_key_is_kept_with_its_policy(one: Registry) -> None:
    policy = Policy.model_validate(
        {"model": "flights", "environments": {"live": {"gates": [{"signed": {"keys": [KEY]}}]}}}
    )
    one.apply_policy(policy, "only one environment here")
    assert one.policy("flights") == policy


def test_a_policy_that_got_stricter_counts_for_words_said_before(one: Registry, bobs: Registry) -> None:
    bobs.approve(ref("flights"), "production", YES)
    one.apply_policy(STRICT, "no blessing yet, two people instead")
    found = one.judge(ref("flights"), "production", evidence(1))
    assert [it.found for it in found] == ["1 of 2 approvals by bob; others can: cm approve"]
