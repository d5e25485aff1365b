"""Registering: numbers, digests, levels; what is told of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from cmcore.errors import NotFoundError, UsageError
from cmcore.events import EventKind
from cmcore.filters.parse import parse
from cmcore.registry.facts import EvaluationFacts, Measure, Origin, VersionFacts
from cmcore.registry.names import VersionNumber
from cmcore.registry.store import Registry
from cmcore.registry.values import Bump, Level, ModelVersion
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from tests.unit.registry.samples import NOW, facts, ref


def always(level: Level) -> Callable[..., Bump]:
    """A rule that knows one answer."""

    def rule(previous: ModelVersion | None, _: VersionFacts, *, metric: str = "") -> Bump:
        return Bump(level=level, reason=f"because of {metric or 'nothing'}", over=previous.number if previous else None)

    return rule


@pytest.fixture
def ruled(database: StateDatabase) -> Callable[[Level], Registry]:
    """A registry whose rule always gives one level."""
    return lambda level: Registry(database, actor="ana", clock=lambda: NOW, rule=always(level))


def test_the_first_version_is_1_0_0(registry: Registry) -> None:
    registered = registry.register("flights", facts())
    assert (str(registered.version), registered.created, registered.version.level) == (
        "flights@1.0.0",
        True,
        Level.FIRST,
    )


def test_registering_makes_the_model(registry: Registry) -> None:
    registry.register("flights", facts())
    assert [model.name for model in registry.models()] == ["flights"]


def test_a_version_comes_back_as_it_was(registry: Registry) -> None:
    registered = registry.register("flights", facts(auc=0.9)).version
    assert registry.version(ref("flights")) == registered


def test_nan_comes_back_as_such(registry: Registry) -> None:
    registry.register("flights", facts(auc=math.nan))
    evaluation = registry.version(ref("flights")).facts.evaluation
    assert evaluation
    assert math.isnan(evaluation.metrics["auc"].value)


def test_the_same_digest_is_the_same_version_and_no_change(registry: Registry) -> None:
    first = registry.register("flights", facts())
    head = registry.audit.head()
    again = registry.register("flights", facts().model_copy(update={"uri": "file:///elsewhere"}))
    assert again == replace(first, created=False)
    assert registry.audit.head() == head


def test_the_same_digest_may_be_a_version_of_two_models(registry: Registry) -> None:
    registry.register("flights", facts())
    assert registry.register("trains", facts()).created


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (["pipeline"], "1.0.1"),
        (["minor"], "1.1.0"),
        (["major"], "2.0.0"),
        (["pipeline", "pipeline", "minor", "pipeline"], "1.1.1"),
        (["minor", "minor", "major", "minor", "pipeline"], "2.1.1"),
    ],
)
def test_each_level_raises_its_part_by_one(
    ruled: Callable[[Level], Registry], levels: list[str], expected: str
) -> None:
    ruled(Level.FIRST).register("flights", facts(0))
    versions = [
        ruled(Level(level)).register("flights", facts(number + 1)).version for number, level in enumerate(levels)
    ]
    assert str(versions[-1].number) == expected
    assert versions[-1].level is Level(levels[-1])


def test_the_computed_rule_is_the_bump_rule(registry: Registry) -> None:
    registry.register("flights", facts(1, auc=0.8))
    second = registry.register("flights", facts(2, auc=0.9)).version
    assert (second.level, second.bump.over) == (Level.PIPELINE, VersionNumber(1, 0, 0))
    assert second.bump.findings


def test_a_model_names_the_metric_that_decides(ruled: Callable[[Level], Registry]) -> None:
    registry = ruled(Level.FIRST)
    registry.create("flights", {"primary_metric": "f1"})
    assert registry.register("flights", facts()).version.bump.reason == "because of f1"


def test_another_level_is_taken_for_a_reason(ruled: Callable[[Level], Registry]) -> None:
    registry = ruled(Level.PIPELINE)
    registry.register("flights", facts(1))
    version = registry.register(
        "flights", facts(2), level=Level.MAJOR, reason="the target means delay over 30 min"
    ).version
    assert (str(version.number), version.level, version.bump.level) == ("2.0.0", Level.MAJOR, Level.PIPELINE)
    assert version.override == "the target means delay over 30 min"


def test_another_level_without_a_reason_is_refused_and_says_what_was_computed(
    ruled: Callable[[Level], Registry],
) -> None:
    registry = ruled(Level.PIPELINE)
    registry.register("flights", facts(1))
    with pytest.raises(UsageError, match=r"'major' was asked for, and 'pipeline' was computed \(because of nothing\)"):
        registry.register("flights", facts(2), level=Level.MAJOR)
    assert len(registry.versions("flights")) == 1


def test_the_computed_level_needs_no_reason(ruled: Callable[[Level], Registry]) -> None:
    registry = ruled(Level.MINOR)
    registry.register("flights", facts(1))
    assert registry.register("flights", facts(2), level=Level.MINOR).version.override == ""


def test_a_later_version_is_never_the_first(registry: Registry) -> None:
    registry.register("flights", facts(1))
    with pytest.raises(UsageError, match="cannot be the first"):
        registry.register("flights", facts(2), level=Level.FIRST, reason="start again")


def test_a_refused_registration_of_a_new_model_leaves_no_model(registry: Registry) -> None:
    with pytest.raises(UsageError, match="digest"):
        registry.register("flights", VersionFacts(digest=""))
    assert registry.models() == []


@pytest.mark.parametrize(
    "broken",
    [
        VersionFacts(digest="sha256:1\n"),
        VersionFacts(digest="sha256:1", uri="file:///a\0b"),
        VersionFacts(digest="sha256:1", evaluation=EvaluationFacts(metrics={"a\x1b": Measure(value=1)})),
        VersionFacts(digest="sha256:1", evaluation=EvaluationFacts(metrics={"m" * 501: Measure(value=1)})),
    ],
)
def test_facts_with_unreadable_names_are_refused(registry: Registry, broken: VersionFacts) -> None:
    with pytest.raises(UsageError):
        registry.register("flights", broken)


def test_creating_twice_is_the_same_as_once(registry: Registry) -> None:
    first = registry.create("flights", {"owner": "delays"})
    assert registry.create("flights", {"owner": "others"}) == first
    assert registry.audit.head().seq == 1


def test_an_unknown_model_is_named_with_what_was_meant(registry: Registry) -> None:
    registry.create("flights")
    with pytest.raises(NotFoundError, match=r"no model 'flight'; did you mean 'flights'\?"):
        registry.model("flight")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("flight@1.0.0", "no model 'flight'"),
        ("flights@1.0.1", "no version 1.0.1; the newest are 1.0.0"),
        ("flights@prodcution", "no alias 'prodcution'; did you mean 'production-candidate'?"),
        ("empty", "has no versions yet"),
    ],
)
def test_an_unknown_version_is_named_with_what_was_meant(registry: Registry, reference: str, expected: str) -> None:
    registry.create("empty")
    registry.register("flights", facts())
    registry.set_alias(ref("flights"), "production-candidate", over=0)
    with pytest.raises(NotFoundError) as caught:
        registry.version(ref(reference))
    assert expected in str(caught.value)


def test_the_newest_version_is_the_one_with_the_greatest_number(ruled: Callable[[Level], Registry]) -> None:
    registry = ruled(Level.MINOR)
    numbers = [str(registry.register("flights", facts(number)).version.number) for number in range(12)]
    assert (numbers[-1], str(registry.version(ref("flights@latest")).number)) == ("1.11.0", "1.11.0")


def test_a_registration_is_told_to_the_event_log(registry: Registry, database: StateDatabase) -> None:
    registry.register("flights", facts(auc=math.inf))
    created, told = Journal(database).read()
    assert (created.kind, told.kind) == (EventKind.MODEL_CREATED, EventKind.VERSION_REGISTERED)
    assert told.data == {
        "model": "flights",
        "version": "1.0.0",
        "actor": "ana",
        "digest": facts().digest,
        "uri": "file:///models/1",
        "artifact": "",
        "run": "run-1",
        "node": "train",
        "metrics": {"auc": "inf"},
        "level": "first",
        "computed": "first",
        "reason": "this is the model's first version",
        "audit": {"seq": 2, "hash": registry.audit.head().hash},
    }


def test_an_actor_is_a_name_that_people_can_read(database: StateDatabase) -> None:
    with pytest.raises(UsageError, match="the actor"):
        Registry(database, actor="ana\nbob approved")


def test_newer_evidence_of_the_same_bytes_becomes_the_versions(registry: Registry) -> None:
    registry.register("flights", facts(blessed=None))
    again = registry.register("flights", facts(blessed=False, auc=0.5))
    found = registry.version(ref("flights"))
    assert (again.created, again.reevaluated, again.version) == (False, True, found)
    assert (str(found.number), found.facts.blessed, found.facts.evaluation) == (
        "1.0.0",
        False,
        facts(auc=0.5).evaluation,
    )


def test_a_version_is_found_by_its_newer_evidence_only(registry: Registry) -> None:
    registry.register("flights", facts(auc=0.9))
    registry.register("flights", facts(blessed=False, f1=0.5))
    texts = ["metrics.f1 = 0.5 and blessed = 'false'", "metrics.auc exists or blessed = 'true'"]
    assert [len(registry.versions("flights", parse(text))) for text in texts] == [1, 0]


def test_newer_evidence_is_told_with_the_artifacts_that_spoke(registry: Registry, database: StateDatabase) -> None:
    registry.register("flights", facts())
    spoke = facts(blessed=False, auc=0.5).model_copy(update={"evidence": {"blessing": "r2/evaluate/1/blessing/0"}})
    registry.register("flights", spoke)
    told = Journal(database).read()[-1]
    assert (told.kind, told.data["metrics"], told.data["evidence"]) == (
        EventKind.VERSION_DESCRIBED,
        {"auc": 0.5},
        {"blessed": False, "infra_blessed": None, "blessing": "r2/evaluate/1/blessing/0"},
    )
    assert registry.audit.verify().ok


def test_evidence_that_is_not_given_takes_nothing_away(registry: Registry) -> None:
    registry.register("flights", facts(auc=0.9))
    head = registry.audit.head()
    again = registry.register("flights", VersionFacts(digest=facts().digest))
    assert (again.version.facts, again.reevaluated, registry.audit.head()) == (facts(auc=0.9), False, head)


def test_the_same_nan_is_no_newer_evidence(registry: Registry) -> None:
    registry.register("flights", facts(auc=math.nan))
    assert not registry.register("flights", facts(auc=math.nan)).reevaluated


def test_a_later_registration_changes_neither_origin_nor_interface(registry: Registry) -> None:
    registry.register("flights", facts())
    other = facts(blessed=False).model_copy(update={"origin": Origin(run="other"), "uri": "file:///elsewhere"})
    assert registry.register("flights", other).version.facts == facts(blessed=False)
