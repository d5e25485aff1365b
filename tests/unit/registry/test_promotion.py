"""Aliases and environments: compare-and-set, gates, and the refusals that stay in the log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cmcore.errors import NotFoundError, OutdatedError, RefusedError, UsageError
from cmcore.filters.moment import exactly, seconds_of
from cmcore.registry.gates import Evidence
from cmcore.registry.names import VersionNumber
from cmcore.registry.policy import Policy
from cmcore.registry.store import Registry
from cmcore.registry.values import Alias, Verdict
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from tests.unit.registry.conftest import Watch
from tests.unit.registry.samples import DAY, NOW, evidence, facts, ref


@pytest.fixture
def two(registry: Registry) -> Registry:
    """A registry with two versions of a model, 1.0.0 and 1.0.1."""
    registry.register("flights", facts(1))
    registry.register("flights", facts(2))
    return registry


@pytest.fixture
def approved(two: Registry, bobs: Registry) -> Registry:
    """Both versions are approved for production."""
    bobs.approve(ref("flights@1.0.0"), "production", Verdict.APPROVED)
    bobs.approve(ref("flights@1.0.1"), "production", Verdict.APPROVED)
    return two


def promote(registry: Registry, version: str = "1.0.0", over: int = 0, number: int = 1) -> Alias:
    return registry.promote(ref(f"flights@{version}"), "production", over=over, evidence=evidence(number))


def test_an_alias_that_was_never_set_is_none(two: Registry) -> None:
    assert (two.alias("flights", "best"), two.aliases("flights")) == (None, [])


def test_an_alias_means_the_version_that_it_was_set_to(two: Registry) -> None:
    alias = two.set_alias(ref("flights@1.0.0"), "best", over=0)
    assert two.alias("flights", "best") == alias
    assert alias == Alias(
        model="flights", name="best", version=VersionNumber(1, 0, 0), generation=1, set_at=NOW, actor="ana"
    )


def test_a_version_is_found_by_its_alias_and_names_it(two: Registry) -> None:
    two.set_alias(ref("flights@1.0.0"), "best", over=0)
    version = two.version(ref("flights@best"))
    assert (str(version.number), version.aliases) == ("1.0.0", ("best",))


def test_an_alias_may_be_set_by_another_alias(two: Registry) -> None:
    two.set_alias(ref("flights@1.0.0"), "best", over=0)
    assert two.set_alias(ref("flights@best"), "demo", over=0).version == VersionNumber(1, 0, 0)


def test_each_move_is_a_new_generation(two: Registry) -> None:
    two.set_alias(ref("flights@1.0.0"), "best", over=0)
    assert two.set_alias(ref("flights@1.0.1"), "best", over=1).generation == 2


def test_setting_an_alias_to_where_it_is_is_no_change(two: Registry) -> None:
    first = two.set_alias(ref("flights@1.0.0"), "best", over=0)
    head = two.audit.head()
    assert two.set_alias(ref("flights@1.0.0"), "best", over=1) == first
    assert two.audit.head() == head


def test_who_is_late_learns_who_was_faster(two: Registry, bobs: Registry) -> None:
    bobs.set_alias(ref("flights@1.0.1"), "best", over=0)
    with pytest.raises(OutdatedError, match=r"bob moved to 1\.0\.1 at 2027-01-15 08:00:00Z \(generation 1\)"):
        two.set_alias(ref("flights@1.0.0"), "best", over=0)
    assert two.version(ref("flights@best")).number == VersionNumber(1, 0, 1)


def test_who_is_late_for_a_removed_alias_learns_who_removed_it(two: Registry, bobs: Registry) -> None:
    two.set_alias(ref("flights@1.0.0"), "best", over=0)
    bobs.remove_alias("flights", "best", over=1)
    with pytest.raises(OutdatedError, match=r"generation 1\): bob removed at"):
        two.set_alias(ref("flights@1.0.1"), "best", over=1)


def test_a_generation_of_what_never_was_is_outdated(two: Registry) -> None:
    with pytest.raises(OutdatedError, match="was never set"):
        two.set_alias(ref("flights@1.0.0"), "best", over=3)


def test_a_removed_alias_is_gone(two: Registry) -> None:
    two.set_alias(ref("flights@1.0.0"), "best", over=0)
    two.remove_alias("flights", "best", over=1)
    assert (two.alias("flights", "best"), two.version(ref("flights@1.0.0")).aliases) == (None, ())


def test_a_generation_never_comes_back_with_a_removed_alias(two: Registry) -> None:
    two.set_alias(ref("flights@1.0.0"), "best", over=0)
    two.remove_alias("flights", "best", over=1)
    assert two.set_alias(ref("flights@1.0.0"), "best", over=0).generation == 3


def test_an_alias_that_is_not_there_cannot_be_removed(two: Registry) -> None:
    two.set_alias(ref("flights@1.0.0"), "best", over=0)
    with pytest.raises(NotFoundError, match="no alias 'bets'; it has best"):
        two.remove_alias("flights", "bets", over=1)


def test_latest_is_nobodys_alias(two: Registry) -> None:
    with pytest.raises(UsageError, match="always means the newest version"):
        two.set_alias(ref("flights@1.0.0"), "latest", over=0)


def test_a_free_environment_is_an_alias_like_any_other(two: Registry) -> None:
    assert two.set_alias(ref("flights@1.0.0"), "staging", over=0).name == "staging"


def test_a_guarded_environment_is_not_set_by_hand(two: Registry) -> None:
    with pytest.raises(RefusedError, match="cm promote flights@VERSION --to production"):
        two.set_alias(ref("flights@1.0.0"), "production", over=0)


def test_a_guarded_environment_is_not_emptied_by_hand(approved: Registry) -> None:
    promote(approved)
    with pytest.raises(RefusedError, match="is an environment"):
        approved.remove_alias("flights", "production", over=1)


def test_an_approved_and_blessed_version_is_promoted(approved: Registry) -> None:
    assert promote(approved).version == VersionNumber(1, 0, 0)
    assert str(approved.version(ref("flights@production")).number) == "1.0.0"


def test_the_loser_of_a_promotion_learns_who_won(approved: Registry, bobs: Registry) -> None:
    promote(bobs, "1.0.1", number=2)
    with pytest.raises(OutdatedError, match=r"bob moved to 1\.0\.1"):
        promote(approved)


def test_promoting_what_is_there_already_is_no_change(approved: Registry) -> None:
    alias = promote(approved)
    head = approved.audit.head()
    assert (promote(approved, over=1), approved.audit.head()) == (alias, head)


def test_a_refusal_names_every_reason(two: Registry) -> None:
    with pytest.raises(RefusedError) as caught:
        two.promote(ref("flights@1.0.0"), "production", over=0, evidence=replace(evidence(), scan_reasons=("pickle",)))
    assert caught.value.reasons == (
        "scan: its files are not safe to load: pickle",
        "approvals: 0 of 1 approvals; others can: cm approve",
    )


def test_a_refusal_changes_nothing_but_is_in_the_log(two: Registry, database: StateDatabase) -> None:
    with pytest.raises(RefusedError):
        promote(two)
    entry = list(two.audit.entries())[-1]
    assert (two.alias("flights", "production"), entry.action, entry.version) == (None, "promotion.refused", "1.0.0")
    assert (Journal(database).read()[-1].data["environment"], two.audit.verify().ok) == ("production", True)


def test_a_promotion_keeps_its_evidence_in_the_log(approved: Registry) -> None:
    promote(approved)
    entry = list(approved.audit.entries())[-1]
    assert entry.data["findings"] == [
        {"rule": "blessed", "holds": True, "found": "it is blessed"},
        {"rule": "scan", "holds": True, "found": "its files are safe to load"},
        {"rule": "approvals", "holds": True, "found": "1 of 1 approvals by bob"},
    ]


def test_evidence_about_other_bytes_is_refused(approved: Registry) -> None:
    with pytest.raises(UsageError, match=r"the evidence is about sha256:0*2, and flights@1\.0\.0 is sha256:0*1"):
        promote(approved, "1.0.0", number=2)


def test_what_the_caller_says_of_blessings_does_not_count(registry: Registry, bobs: Registry) -> None:
    registry.register("flights", facts(1, blessed=False))
    bobs.approve(ref("flights"), "production", Verdict.APPROVED)
    with pytest.raises(RefusedError, match="refused its blessing"):
        promote(registry)


def test_an_unknown_environment_is_not_promoted_to(two: Registry) -> None:
    with pytest.raises(NotFoundError, match="'prod' is no environment here"):
        two.promote(ref("flights"), "prod", over=0, evidence=evidence(2))


def test_an_expired_approval_does_not_count(approved: Registry, watch: Watch) -> None:
    watch.seconds += 31 * DAY
    with pytest.raises(RefusedError, match="bob's does not count: it expired"):
        promote(approved)


def test_an_approval_of_another_version_does_not_count(two: Registry, bobs: Registry) -> None:
    bobs.approve(ref("flights@1.0.1"), "production", Verdict.APPROVED)
    with pytest.raises(RefusedError, match="0 of 1"):
        promote(two, "1.0.0")


def test_an_approval_for_another_environment_does_not_count(two: Registry, bobs: Registry) -> None:
    bobs.approve(ref("flights@1.0.0"), "staging", Verdict.APPROVED)
    with pytest.raises(RefusedError, match="0 of 1"):
        promote(two, "1.0.0")


def test_judging_is_promoting_without_a_change(two: Registry) -> None:
    head = two.audit.head()
    found = two.judge(ref("flights@1.0.0"), "production", evidence())
    assert [it.holds for it in found] == [True, True, False]
    assert two.audit.head() == head


NOT_WORSE = Policy.model_validate(
    {
        "model": "trains",
        "environments": {"live": {"gates": [{"not_worse": {"metric": "auc", "than": "current", "by": 0.01}}]}},
    }
)


@pytest.mark.parametrize(("auc", "holds"), [(0.95, True), (0.895, True), (0.88, False)])
def test_a_version_is_compared_with_the_one_that_is_there_now(registry: Registry, auc: float, holds: bool) -> None:
    registry.apply_policy(NOT_WORSE, "trains have one environment")
    registry.register("trains", facts(1, auc=0.9))
    registry.register("trains", facts(2, auc=auc))
    registry.promote(ref("trains@1.0.0"), "live", over=0, evidence=Evidence(facts=facts(1), objections=()))
    assert [it.holds for it in registry.judge(ref("trains"), "live", Evidence(facts=facts(2), objections=()))] == [
        holds
    ]


def test_time_travel_answers_from_the_log(approved: Registry, bobs: Registry, watch: Watch) -> None:
    promote(approved)
    watch.seconds += DAY
    promote(bobs, "1.0.1", over=1, number=2)
    held = [approved.at("flights", "production", NOW + wait) for wait in (-1, 0, DAY - 1, DAY)]
    assert [it and (str(it.version), it.actor) for it in held] == [None, *[("1.0.0", "ana")] * 2, ("1.0.1", "bob")]


def test_history_tells_every_move(approved: Registry) -> None:
    approved.set_alias(ref("flights@1.0.0"), "best", over=0)
    promote(approved)
    assert [(it.alias, it.generation) for it in approved.history("flights")] == [("best", 1), ("production", 1)]


def test_the_history_of_an_unknown_model_is_not_found(two: Registry) -> None:
    with pytest.raises(NotFoundError, match="no model 'flight'"):
        two.history("flight")


def test_a_promotion_that_asked_no_plugins_is_refused(approved: Registry) -> None:
    unasked = replace(evidence(), objections=None)
    with pytest.raises(RefusedError, match="plugins were not asked: look again"):
        approved.promote(ref("flights@1.0.0"), "production", over=0, evidence=unasked)


def test_an_approval_is_to_be_given_again_when_properties_have_changed(approved: Registry, bobs: Registry) -> None:
    approved.describe(ref("flights@1.0.0"), {"risk": "high"})
    with pytest.raises(RefusedError, match="bob's does not count: properties changed since: risk"):
        promote(approved)
    bobs.approve(ref("flights@1.0.0"), "production", Verdict.APPROVED)
    assert promote(approved).generation == 1


GUARDED = Policy.model_validate({"model": "flights", "environments": {"best": {"gates": [{"blessed": True}]}}})


def guarded_later(registry: Registry, *, blessed: bool) -> None:
    """An alias that was set while it was free, and is an environment now."""
    registry.register("flights", facts(1, blessed=blessed))
    registry.set_alias(ref("flights"), "best", over=0)
    registry.apply_policy(GUARDED, "best is what we serve")


def test_what_a_free_alias_had_is_examined_once_a_policy_guards_it(registry: Registry) -> None:
    guarded_later(registry, blessed=False)
    with pytest.raises(RefusedError, match="refused its blessing"):
        registry.promote(ref("flights"), "best", over=1, evidence=evidence())


def test_what_was_examined_later_is_a_move_with_its_findings(registry: Registry) -> None:
    guarded_later(registry, blessed=True)
    alias = registry.promote(ref("flights"), "best", over=1, evidence=evidence())
    again = registry.promote(ref("flights"), "best", over=2, evidence=evidence())
    assert (alias.generation, again) == (2, alias)


def test_the_printed_time_of_a_move_is_one_at_which_it_had_happened(approved: Registry, watch: Watch) -> None:
    watch.seconds += 0.1234567
    promote(approved)
    (move,) = approved.history("flights", "production")
    watch.seconds += 1
    held = approved.at("flights", "production", seconds_of(exactly(move.at), NOW))
    assert held is not None
    assert held.since == move.at


def test_the_future_is_not_told(approved: Registry) -> None:
    with pytest.raises(UsageError, match="has not come yet"):
        approved.at("flights", "production", NOW + 1)


@pytest.mark.parametrize(("name", "meant"), [("prodution", "production"), ("prod", "production"), ("bets", "best")])
def test_the_history_of_what_never_was_an_alias_is_not_found(two: Registry, name: str, meant: str) -> None:
    two.set_alias(ref("flights@1.0.0"), "best", over=0)
    with pytest.raises(NotFoundError, match=f"never had an alias '{name}'; did you mean '{meant}'"):
        two.history("flights", name)


def test_an_environment_that_nothing_was_promoted_to_has_no_moves(two: Registry) -> None:
    assert two.history("flights", "production") == []


def test_an_unknown_environment_is_named_with_what_was_meant(two: Registry) -> None:
    with pytest.raises(NotFoundError, match="'prod' is no environment here; did you mean 'production'"):
        two.promote(ref("flights"), "prod", over=0, evidence=evidence(2))
