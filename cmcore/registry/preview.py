"""What a registration would come to, computed as the registry itself computes it, without changing anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cmcore.errors import NotFoundError
from cmcore.filters.syntax import Comparator, Comparison, Field, Filter
from cmcore.registry.bump import bumped, next_number
from cmcore.registry.facts import VersionFacts
from cmcore.registry.names import Reference, VersionNumber
from cmcore.registry.registration import PRIMARY_METRIC, overriding, with_evidence
from cmcore.registry.values import Bump, Level, Model, ModelVersion, Registered


class Versions(Protocol):
    """What is read of the registry."""

    def model(self, name: str) -> Model:
        """A model; raises NotFoundError."""
        ...

    def version(self, reference: Reference) -> ModelVersion:
        """A version; raises NotFoundError."""
        ...

    def versions(self, model: str = "", where: Filter | None = None) -> list[ModelVersion]:
        """The versions for which a filter holds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A registration, done or foreseen: `known` says that the same bytes were a version already.

    `reevaluated`, that this one has new evidence.
    """

    model: str
    number: VersionNumber
    bump: Bump
    override: str = ""
    known: bool = False
    reevaluated: bool = False

    @property
    def level(self) -> Level:
        """The level that was taken."""
        return Level.of(self.number)

    @classmethod
    def of(cls, made: Registered) -> Outcome:
        """The outcome of a registration."""
        version = made.version
        return cls(
            model=version.model,
            number=version.number,
            bump=version.bump,
            override=version.override,
            known=not made.created,
            reevaluated=made.reevaluated,
        )


def foreseen(registry: Versions, name: str, facts: VersionFacts, *, level: Level | None, reason: str) -> Outcome:
    """What registering these facts would come to at this moment; raises as `Registry.register` does."""
    same = Comparison(field=Field(group="", name="digest"), comparator=Comparator.EQUAL, values=(facts.digest,))
    for version in registry.versions(name, same):
        new = with_evidence(version.facts, facts).model_dump_json() != version.facts.model_dump_json()
        return Outcome.of(Registered(version=version, created=False, reevaluated=new))
    previous = newest(registry, name)
    metric = str(registry.model(name).properties.get(PRIMARY_METRIC, "")) if previous else ""
    bump = bumped(previous, facts, metric=metric)
    override = overriding(level, bump, reason) if previous else ""
    number = next_number(previous.number if previous else None, level if level and override else bump.level)
    return Outcome(model=name, number=number, bump=bump, override=override)


def newest(registry: Versions, name: str) -> ModelVersion | None:
    """The newest version of a model; None where there is none yet."""
    try:
        return registry.version(Reference(model=name))
    except NotFoundError:
        return None
