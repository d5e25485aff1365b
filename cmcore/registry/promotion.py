"""Moving aliases: promotion to an environment by its policy's verdict, and naming versions as one likes otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import sqlalchemy as sa
from pydantic import JsonValue

from cmcore.errors import NotFoundError, RefusedError, UsageError
from cmcore.events import EventKind
from cmcore.registry import aliases, catalogue, policies
from cmcore.registry.approvals import approvals_in
from cmcore.registry.audit import lock, newest_move
from cmcore.registry.gates import Evidence
from cmcore.registry.names import Reference, checked_alias
from cmcore.registry.texts import checked_prose
from cmcore.registry.transaction import Transaction
from cmcore.registry.values import Alias, Finding, ModelVersion
from cmcore.registry.verdict import verdict


def judged(
    connection: sa.Connection, version: ModelVersion, environment: str, evidence: Evidence, now: float, promoter: str
) -> tuple[Finding, ...]:
    """Everything that the policy in force has looked at; of the evidence, facts and properties are taken from here."""
    if evidence.facts.digest != version.facts.digest:
        raise UsageError(f"the evidence is about {evidence.facts.digest}, and {version} is {version.facts.digest}")
    policy = policies.in_force(connection, version.model).environment(environment)
    said = approvals_in(connection, version, catalogue.id_of(connection, version), environment)
    place = aliases.place_in(connection, version.model, environment)
    there = Reference(model=version.model, version=place.version) if place.version else None
    return verdict(
        policy,
        said,
        replace(evidence, facts=version.facts, properties=version.properties),
        now,
        promoter,
        version.actor,
        current=catalogue.version_in(connection, there).facts if there else None,
    )


def promoted(
    transaction: Transaction, reference: Reference, environment: str, over: int, evidence: Evidence, reason: str
) -> tuple[Alias | None, tuple[Finding, ...]]:
    """The environment's alias if it was moved, or was there already; and what was looked at, if anything was."""
    connection, reason = transaction.connection, checked_prose("the reason", reason)
    version = locked_version(connection, reference)
    place = aliases.place_in(connection, version.model, environment, lock=True)
    aliases.check_seen(place, over)
    if place.version == version.number and is_settled(connection, place):
        return place.alias, ()
    transaction.check_bytes(str(version), version.facts.artifact)
    lock(connection)  # from here to the commit no policy changes
    found = judged(connection, version, environment, evidence, transaction.at, transaction.actor)
    told: list[dict[str, JsonValue]] = [asdict(finding) for finding in found]
    if not all(finding.holds for finding in found):
        transaction.tell(
            EventKind.PROMOTION_REFUSED,
            version.model,
            version.number,
            environment=environment,
            findings=[*told],
            reason=reason,
        )
        return None, found
    return moved(transaction, place, version, reason, told), found


def is_settled(connection: sa.Connection, place: aliases.Place) -> bool:
    """Whether what an environment has now was examined when it came there, or need not be."""
    if policies.in_force(connection, place.model).environment(place.name).is_free:
        return True
    return any(entry.data.get("findings") for entry in newest_move(connection, place.model, place.name))


def refusal(reference: Reference, environment: str, found: Sequence[Finding]) -> RefusedError:
    """The error that names everything that does not hold."""
    reasons = [f"{finding.rule}: {finding.found}" for finding in found if not finding.holds]
    return RefusedError(f"{reference} may not become {environment}'s, and nothing was changed:", reasons)


def named(transaction: Transaction, reference: Reference, name: str, over: int) -> Alias:
    """A free alias, moved."""
    connection = transaction.connection
    version = locked_version(connection, reference)
    place = aliases.place_in(connection, version.model, checked_alias(name), lock=True)
    aliases.check_seen(place, over)
    if place.alias and place.version == version.number:
        return place.alias
    transaction.check_bytes(str(version), version.facts.artifact)
    check_free(connection, version.model, name)
    return moved(transaction, place, version, "", [])


def unnamed(transaction: Transaction, model: str, name: str, over: int) -> None:
    """A free alias, taken away."""
    connection = transaction.connection
    catalogue.model_in(connection, model, lock=True)
    place = aliases.place_in(connection, model, name, lock=True)
    if place.version is None:
        there = ", ".join(alias.name for alias in aliases.aliases_in(connection, model)) or "none"
        raise NotFoundError(f"the model {model!r} has no alias {name!r}; it has {there}")
    aliases.check_seen(place, over)
    check_free(connection, model, name)
    generation = aliases.move(connection, place, None, at=transaction.at, actor=transaction.actor)
    before = str(place.version)
    transaction.tell(
        EventKind.ALIAS_REMOVED, model, before, alias=name, from_version=before, generation=generation, reason=""
    )


def locked_version(connection: sa.Connection, reference: Reference) -> ModelVersion:
    """The version that is meant, while nobody else changes its model."""
    catalogue.model_in(connection, reference.model, lock=True)
    return catalogue.version_in(connection, reference)


def check_free(connection: sa.Connection, model: str, name: str) -> None:
    """Raise RefusedError if an alias is an environment that demands something."""
    lock(connection)
    policies.in_force(connection, model).check_free(model, name)


def moved(
    transaction: Transaction,
    place: aliases.Place,
    version: ModelVersion,
    reason: str,
    findings: list[dict[str, JsonValue]],
) -> Alias:
    """Move an alias and have it written with the evidence."""
    connection = transaction.connection
    own = catalogue.id_of(connection, version)
    generation = aliases.move(connection, place, own, at=transaction.at, actor=transaction.actor)
    transaction.tell(
        EventKind.ALIAS_MOVED,
        version.model,
        version.number,
        alias=place.name,
        from_version=str(place.version or ""),
        generation=generation,
        reason=reason,
        findings=[*findings],
    )
    return Alias(
        model=version.model,
        name=place.name,
        version=version.number,
        generation=generation,
        set_at=transaction.at,
        actor=transaction.actor,
    )
