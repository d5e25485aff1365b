"""Registering: a model by its name, a version by its digest. What the number is to be, `bump` computes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from pydantic import JsonValue

from cmcore.errors import UsageError
from cmcore.events import EventKind
from cmcore.registry import catalogue
from cmcore.registry.bump import next_number
from cmcore.registry.facts import VersionFacts
from cmcore.registry.names import checked_model
from cmcore.registry.remarks import checked_properties
from cmcore.registry.texts import checked_prose
from cmcore.registry.transaction import Transaction
from cmcore.registry.values import Bump, Level, Model, ModelVersion, Registered

PRIMARY_METRIC = "primary_metric"
EVIDENCE = ("evaluation", "blessed", "infra_blessed", "scan")


class Rule(Protocol):
    """What computes the level of a new version; `bumped` in ordinary life."""

    def __call__(self, previous: ModelVersion | None, facts: VersionFacts, *, metric: str = "") -> Bump:
        """The level over the previous version; `metric` is the one that decides, if the model names one."""
        ...


def created(transaction: Transaction, name: str, properties: Mapping[str, JsonValue]) -> Model:
    """The model, made if there is none of the name, and locked; one that is there keeps its own properties."""
    connection, given = transaction.connection, checked_properties(properties)
    known = catalogue.model_or_none(connection, checked_model(name), lock=True)
    if known is not None:
        return known
    kept: dict[str, JsonValue] = {key: value for key, value in given.items() if value is not None}
    model = Model(name=name, created_at=transaction.at, actor=transaction.actor, properties=kept)
    if catalogue.add_model(connection, model):
        transaction.tell(EventKind.MODEL_CREATED, name, properties=kept)
    else:
        transaction.read_clock_again()  # somebody made it meanwhile, and we waited
    return catalogue.model_in(connection, name, lock=True)


def registered(
    transaction: Transaction, name: str, facts: VersionFacts, level: Level | None, reason: str, rule: Rule
) -> Registered:
    """The version of these bytes, made if there is none; its number follows that of the newest without a hole.

    One that is there gets the evidence that is new.
    """
    connection = transaction.connection
    model = created(transaction, name, {})
    transaction.check_bytes(f"the model {facts.artifact!r}", facts.artifact)
    known = catalogue.by_digest(connection, name, facts.digest)
    if known is not None:
        return reevaluated(transaction, known, facts)
    previous = catalogue.newest(connection, name)
    bump = rule(previous, facts, metric=str(model.properties.get(PRIMARY_METRIC, "")))
    override = overriding(level, bump, checked_prose("the reason", reason)) if previous else ""
    number = next_number(previous.number if previous else None, level if level and override else bump.level)
    version = ModelVersion(
        model=name,
        number=number,
        facts=facts,
        bump=bump,
        override=override,
        created_at=transaction.at,
        actor=transaction.actor,
    )
    catalogue.add_version(connection, version)
    tell(transaction, version)
    return Registered(version=version, created=True)


def reevaluated(transaction: Transaction, known: ModelVersion, facts: VersionFacts) -> Registered:
    """The version with the evidence that there is now; what it is, its number and its origin stay.

    Evidence that is not given takes nothing away.
    """
    now = with_evidence(known.facts, facts)
    if now.model_dump_json() == known.facts.model_dump_json():  # in which NaN is NaN
        return Registered(version=known, created=False)
    version = replace(known, facts=now)
    catalogue.set_evidence(transaction.connection, version)
    transaction.tell(
        EventKind.VERSION_DESCRIBED,
        version.model,
        version.number,
        evidence={"blessed": now.blessed, "infra_blessed": now.infra_blessed, **now.evidence},
        metrics=dict(spelled_metrics(now)),
    )
    return Registered(version=version, created=False, reevaluated=True)


def with_evidence(known: VersionFacts, facts: VersionFacts) -> VersionFacts:
    """The known facts with the newer evidence; the interface stays, and so the schema that it was read from."""
    given = {name: value for name in EVIDENCE if (value := getattr(facts, name)) not in (None, {})}
    spoke = {part: name for part, name in facts.evidence.items() if part != "schema"}
    return known.model_copy(update={**given, "evidence": dict(sorted({**known.evidence, **spoke}.items()))})


def overriding(level: Level | None, bump: Bump, reason: str) -> str:
    """Why another level is taken than was computed; empty if none is. Raises UsageError where nobody says why."""
    if level is None or level is bump.level:
        return ""
    if not reason:
        raise UsageError(
            f"the level {level.value!r} was asked for, and {bump.level.value!r} was computed ({bump.reason}); "
            "give a reason for taking the other, or leave the level out"
        )
    return reason


def tell(transaction: Transaction, version: ModelVersion) -> None:
    """Have the registration written."""
    facts = version.facts
    transaction.tell(
        EventKind.VERSION_REGISTERED,
        version.model,
        version.number,
        digest=facts.digest,
        uri=facts.uri,
        artifact=facts.artifact,
        run=facts.origin.run,
        node=facts.origin.node,
        metrics=dict(spelled_metrics(facts)),
        level=version.level.value,
        computed=version.bump.level.value,
        reason=version.override or version.bump.reason,
    )


def spelled_metrics(facts: VersionFacts) -> dict[str, float | str]:
    """The metrics as JSON can hold them."""
    return {name: spelled(measure.value) for name, measure in catalogue.metrics_of(facts).items()}


def spelled(value: float) -> float | str:
    """A number as JSON can hold it: NaN and infinities by their names."""
    return value if math.isfinite(value) else str(value)
