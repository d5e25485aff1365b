"""Registering: a model by its name, a version by its digest. What the number is to be, `bump` computes."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
from cmcore.state.lease import COLLECTION, refuse_while_held

PRIMARY_METRIC = "primary_metric"


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
    """The version of these bytes, made if there is none; its number follows that of the newest without a hole."""
    connection = transaction.connection
    model = created(transaction, name, {})
    known = catalogue.by_digest(connection, name, facts.digest)
    if known is not None:
        return Registered(version=known, created=False)
    refuse_while_held(connection, COLLECTION)
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
    metrics = {name: spelled(measure.value) for name, measure in catalogue.metrics_of(facts).items()}
    transaction.tell(
        EventKind.VERSION_REGISTERED,
        version.model,
        version.number,
        digest=facts.digest,
        uri=facts.uri,
        artifact=facts.artifact,
        run=facts.origin.run,
        node=facts.origin.node,
        metrics=dict(metrics),
        level=version.level.value,
        computed=version.bump.level.value,
        reason=version.override or version.bump.reason,
    )


def spelled(value: float) -> float | str:
    """A number as JSON can hold it: NaN and infinities by their names."""
    return value if math.isfinite(value) else str(value)
