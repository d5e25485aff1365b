"""Approvals: one word of each person on each version for each environment; what was said before is in the audit log.

What the words amount to is decided in `verdict`.
"""

from __future__ import annotations

import json
from dataclasses import asdict

import sqlalchemy as sa

from cmcore.errors import NotFoundError, RefusedError, UsageError
from cmcore.events import EventKind
from cmcore.registry import catalogue, policies
from cmcore.registry.names import Reference
from cmcore.registry.tables import APPROVALS
from cmcore.registry.texts import checked_prose
from cmcore.registry.transaction import Transaction
from cmcore.registry.values import Approval, ModelVersion, Verdict
from cmcore.registry.verdict import DAY_S, digests, unfit


def approved(
    transaction: Transaction, reference: Reference, environment: str, verdict: Verdict, reason: str
) -> Approval:
    """Somebody's word on a version, in place of their last one; RefusedError where it could never count."""
    connection, reason = transaction.connection, checked_prose("the reason", reason)
    catalogue.model_in(connection, reference.model, lock=True)
    version = catalogue.version_in(connection, reference)
    policy = policies.in_force(connection, version.model).environment(environment).approvals
    is_approval = verdict is Verdict.APPROVED
    if not is_approval and not reason:
        raise UsageError(f"{version} is to be rejected for {environment}; give a reason, others will need it")
    if is_approval and (why := unfit(policy, transaction.actor, version.actor)):
        raise RefusedError(f"{transaction.actor} cannot approve {version} for {environment}:", [why])
    lasts = policy.expires_days is not None and is_approval
    approval = Approval(
        model=version.model,
        version=version.number,
        environment=environment,
        actor=transaction.actor,
        verdict=verdict,
        reason=reason,
        at=transaction.at,
        seen=digests(version.properties),
        expires_at=transaction.at + (policy.expires_days or 0) * DAY_S if lasts else None,
    )
    put_approval(connection, approval, catalogue.id_of(connection, version))
    transaction.tell(
        EventKind.APPROVAL_GIVEN,
        version.model,
        version.number,
        environment=environment,
        verdict=verdict.value,
        reason=reason,
        expires_at=approval.expires_at,
    )
    return approval


def withdrawn(transaction: Transaction, reference: Reference, environment: str, reason: str) -> None:
    """Take one's own word back; NotFoundError if there is none."""
    connection, reason = transaction.connection, checked_prose("the reason", reason)
    catalogue.model_in(connection, reference.model, lock=True)
    version = catalogue.version_in(connection, reference)
    if not take_approval(connection, catalogue.id_of(connection, version), environment, transaction.actor):
        raise NotFoundError(f"{transaction.actor} has said nothing on {version} for {environment!r} to take back")
    transaction.tell(
        EventKind.APPROVAL_WITHDRAWN, version.model, version.number, environment=environment, reason=reason
    )


def approvals_in(
    connection: sa.Connection, version: ModelVersion, version_id: int, environment: str = ""
) -> list[Approval]:
    """Everybody's newest word on a version for one environment or for all, the oldest first."""
    query = sa.select(APPROVALS).where(APPROVALS.c.version_id == version_id).order_by(APPROVALS.c.at, APPROVALS.c.actor)
    if environment:
        query = query.where(APPROVALS.c.environment == environment)
    return [approval_of(row, version) for row in connection.execute(query).mappings()]


def approval_of(row: sa.RowMapping, version: ModelVersion) -> Approval:
    """The row as an approval."""
    own = {name: row[name] for name in ("environment", "actor", "reason", "at", "expires_at")}
    return Approval(
        model=version.model,
        version=version.number,
        verdict=Verdict(row["verdict"]),
        seen=json.loads(row["seen"]),
        **own,
    )


def put_approval(connection: sa.Connection, approval: Approval, version_id: int) -> None:
    """Let this be the word of its actor, whatever was said before."""
    take_approval(connection, version_id, approval.environment, approval.actor)
    said = asdict(approval) | {"version_id": version_id, "verdict": approval.verdict.value}
    said["seen"] = json.dumps(said["seen"], sort_keys=True)
    connection.execute(sa.insert(APPROVALS), {column.name: said[column.name] for column in APPROVALS.columns})


def take_approval(connection: sa.Connection, version_id: int, environment: str, actor: str) -> bool:
    """Take somebody's word away; whether there was one."""
    own = (
        APPROVALS.c.version_id == version_id,
        APPROVALS.c.environment == environment,
        APPROVALS.c.actor == actor,
    )
    return connection.execute(sa.delete(APPROVALS).where(*own)).rowcount > 0
