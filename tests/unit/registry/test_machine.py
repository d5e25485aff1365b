"""The registry against a model of a few dictionaries: no sequence of calls, good or bad, makes the two differ."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from cmcore.errors import CmError, NotFoundError, OutdatedError, RefusedError
from cmcore.registry.facts import VersionFacts
from cmcore.registry.names import Reference, VersionNumber
from cmcore.registry.policy import DEFAULT
from cmcore.registry.store import Registry
from cmcore.registry.values import Bump, Level, ModelVersion, Verdict
from cmcore.state.database import StateDatabase
from tests.unit.registry.conftest import BRANCHES
from tests.unit.registry.samples import DAY, NOW, evidence
from tests.unit.registry.samples import facts as facts_of

pytestmark = pytest.mark.timeout(120)
ACTORS = st.sampled_from(["ana", "bob", "eve"])
NAMES = st.sampled_from(["best", "staging", "production"])
FREE = {"best", "staging", "dev"}


def by_size(previous: ModelVersion | None, facts: VersionFacts, *, metric: str = "") -> Bump:
    """A rule with all its levels: by the last digit of the digest."""
    levels = [Level.PIPELINE, Level.MINOR, Level.MAJOR]
    level = levels[int(facts.digest[-1], 16) % 3] if previous else Level.FIRST
    return Bump(level=level, reason=metric or "by its digest", over=previous.number if previous else None)


def outcome(call: Callable[[], object]) -> type[CmError] | None:
    """The error that a call ends in, if it does."""
    try:
        call()
    except CmError as error:
        return type(error)
    return None


@dataclass
class Expected:
    """What the registry of one model should know."""

    numbers: dict[int, VersionNumber] = field(default_factory=dict)
    registrants: dict[int, str] = field(default_factory=dict)
    aliases: dict[str, tuple[int, int]] = field(default_factory=dict)
    generations: dict[str, int] = field(default_factory=dict)
    words: dict[int, dict[str, tuple[Verdict, float]]] = field(default_factory=dict)
    moves: list[tuple[float, str, VersionNumber | None]] = field(default_factory=list)

    def next_number(self, digest: int) -> VersionNumber:
        newest = max(self.numbers.values(), default=None)
        if newest is None:
            return VersionNumber(1, 0, 0)
        follow = [
            VersionNumber(newest.major, newest.minor, newest.pipeline + 1),
            VersionNumber(newest.major, newest.minor + 1, 0),
            VersionNumber(newest.major + 1, 0, 0),
        ]
        return follow[digest % 16 % 3]

    def refuses(self, digest: int, now: float) -> bool:
        said = self.words.get(digest, {})
        rejected = any(verdict is Verdict.REJECTED for verdict, _ in said.values())
        approving = [
            actor
            for actor, (verdict, at) in said.items()
            if verdict is Verdict.APPROVED and now < at + 30 * DAY and actor != self.registrants[digest]
        ]
        return rejected or not approving

    def move(self, name: str, digest: int | None, now: float) -> None:
        self.generations[name] = self.generations.get(name, 0) + 1
        self.moves.append((now, name, None if digest is None else self.numbers[digest]))
        if digest is None:
            del self.aliases[name]
        else:
            self.aliases[name] = (digest, self.generations[name])


class Machine(RuleBasedStateMachine):
    """Calls by three people in any order, over a clock that goes forward."""

    migrated: Path
    versions = Bundle[int]("versions")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = copyfile(self.migrated, Path(self.folder.name) / "state.db")
        self.database = StateDatabase.open(f"sqlite:///{path}", branches=BRANCHES)
        self.now = NOW
        self.expected = Expected()

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    def as_(self, actor: str) -> Registry:
        return Registry(self.database, actor=actor, clock=lambda: self.now, rule=by_size)

    def reference(self, digest: int) -> Reference:
        return Reference(model="flights", version=self.expected.numbers[digest])

    @rule(days=st.floats(0, 20))
    def wait(self, days: float) -> None:
        self.now += days * DAY

    @rule(target=versions, actor=ACTORS, digest=st.integers(0, 40))
    def register(self, actor: str, digest: int) -> int:
        made = self.as_(actor).register("flights", facts_of(digest))
        assert made.created is (digest not in self.expected.numbers)
        if made.created:
            self.expected.registrants[digest] = actor
            self.expected.numbers[digest] = self.expected.next_number(digest)
        assert made.version.number == self.expected.numbers[digest]
        return digest

    @rule(actor=ACTORS, digest=versions, name=NAMES, stale=st.integers(-1, 1))
    def set_alias(self, actor: str, digest: int, name: str, stale: int) -> None:
        there, seen = self.expected.aliases.get(name, (None, 0))
        refused = name not in FREE and there != digest
        error = OutdatedError if stale else RefusedError if refused else None
        registry, version = self.as_(actor), self.reference(digest)
        assert outcome(lambda: registry.set_alias(version, name, over=seen + stale)) is error
        if error is None and there != digest:
            self.expected.move(name, digest, self.now)

    @rule(actor=ACTORS, name=NAMES)
    def remove_alias(self, actor: str, name: str) -> None:
        there, seen = self.expected.aliases.get(name, (None, 0))
        error = NotFoundError if there is None else None if name in FREE else RefusedError
        registry = self.as_(actor)
        assert outcome(lambda: registry.remove_alias("flights", name, over=seen)) is error
        if error is None:
            self.expected.move(name, None, self.now)

    @rule(actor=ACTORS, digest=versions, verdict=st.sampled_from(Verdict))
    def approve(self, actor: str, digest: int, verdict: Verdict) -> None:
        own = verdict is Verdict.APPROVED and actor == self.expected.registrants[digest]
        registry, version = self.as_(actor), self.reference(digest)
        refused = outcome(lambda: registry.approve(version, "production", verdict, "looked"))
        assert refused is (RefusedError if own else None)
        if not own:
            self.expected.words.setdefault(digest, {})[actor] = (verdict, self.now)

    @rule(actor=ACTORS, digest=versions)
    def withdraw(self, actor: str, digest: int) -> None:
        said = self.expected.words.get(digest, {})
        registry, version = self.as_(actor), self.reference(digest)
        refused = outcome(lambda: registry.withdraw(version, "production"))
        assert refused is (None if actor in said else NotFoundError)
        said.pop(actor, None)

    @rule(actor=ACTORS, digest=versions, stale=st.booleans())
    def promote(self, actor: str, digest: int, stale: bool) -> None:
        there, seen = self.expected.aliases.get("production", (None, 0))
        refused = there != digest and self.expected.refuses(digest, self.now)
        error = OutdatedError if stale else RefusedError if refused else None
        registry, version, over = self.as_(actor), self.reference(digest), seen + stale
        assert outcome(lambda: registry.promote(version, "production", over=over, evidence=evidence(digest))) is error
        if error is None and there != digest:
            self.expected.move("production", digest, self.now)

    @invariant()
    def versions_are_as_expected(self) -> None:
        found = self.as_("eve").versions("flights", order_by="version")
        assert [version.number for version in found] == sorted(self.expected.numbers.values())

    @invariant()
    def aliases_are_as_expected(self) -> None:
        found = {alias.name: (alias.version, alias.generation) for alias in self.as_("eve").aliases("flights")}
        assert found == {
            name: (self.expected.numbers[digest], generation)
            for name, (digest, generation) in self.expected.aliases.items()
        }

    @invariant()
    def the_log_tells_the_same_and_holds(self) -> None:
        registry = self.as_("eve")
        assert registry.audit.verify().ok
        told = [(it.at, it.alias, it.version) for it in registry.history("flights")] if self.expected.numbers else []
        assert told == self.expected.moves
        assert DEFAULT.environment("production").protected


def test_no_sequence_of_calls_leaves_the_model(migrated: Path) -> None:
    Machine.migrated = migrated
    quick = settings(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Machine, settings=quick)
