"""The registry's rows as values: models, versions, aliases, approvals, notes, entries of the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue

from cmcore.registry.facts import VersionFacts
from cmcore.registry.names import Reference, VersionNumber


class Level(StrEnum):
    """Which part of a version's number a registration raises."""

    FIRST = "first"
    MAJOR = "major"
    MINOR = "minor"
    PIPELINE = "pipeline"

    @classmethod
    def of(cls, number: VersionNumber) -> Level:
        """The level that gave a version its number."""
        if number.pipeline:
            return cls.PIPELINE
        if number.minor:
            return cls.MINOR
        return cls.MAJOR if number.major > 1 else cls.FIRST


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a rule or a gate looked at: what was asked, what was found, whether it holds."""

    rule: str
    holds: bool
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bump:
    """Which level and why. `reason` is one sentence; `over` the version it was compared with."""

    level: Level
    reason: str
    findings: tuple[Finding, ...] = ()
    over: VersionNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A registered model. `properties` are structured facts that people give: owner, intended_use, limitations, ..."""

    name: str
    created_at: float
    actor: str
    properties: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One version. `bump` is what was computed; `override` the reason why another level was taken."""

    model: str
    number: VersionNumber
    facts: VersionFacts
    bump: Bump
    override: str = ""
    created_at: float
    actor: str
    properties: Mapping[str, JsonValue] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.model}@{self.number}"

    @property
    def reference(self) -> Reference:
        """What names exactly this version."""
        return Reference(model=self.model, version=self.number)

    @property
    def level(self) -> Level:
        """The level that was taken, which `override` explains where it is not the one that was computed."""
        return Level.of(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What a registration came to; `created` is False where the registry had a version of the same digest.

    `reevaluated` says that this one got evidence that it did not have.
    """

    version: ModelVersion
    created: bool
    reevaluated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A name for one version of a model; `generation` counts its moves and is what compare-and-set compares."""

    model: str
    name: str
    version: VersionNumber
    generation: int
    set_at: float
    actor: str


class Verdict(StrEnum):
    """What an approver says."""

    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One person's word on one version for one environment; only the newest word of a person counts.

    `seen` are digests of the properties that the version had then, by name.
    """

    model: str
    version: VersionNumber
    environment: str
    actor: str
    verdict: Verdict
    reason: str
    at: float
    expires_at: float | None = None
    seen: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A remark on a model or (with `version`) on one version; notes are only ever added."""

    model: str
    version: VersionNumber | None
    actor: str
    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where else something about a version is to be found: `rel` says what (mlflow, ticket, paper, ...)."""

    rel: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change: `hash` covers everything here and the hash of the entry before (`previous`)."""

    seq: int
    at: float
    actor: str
    action: str
    model: str
    version: str
    data: Mapping[str, JsonValue]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One change of an alias as the audit log tells it; no `version` where the alias was removed."""

    alias: str
    version: VersionNumber | None
    from_version: VersionNumber | None
    generation: int
    at: float
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Which version an alias meant at some time, since when, and who put it there."""

    version: VersionNumber
    actor: str
    since: float
    reason: str
