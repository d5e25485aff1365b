"""Policies as rows: which one is in force for a model, and putting one in force. What they mean is in `policy`."""

from __future__ import annotations

import sqlalchemy as sa

from cmcore.errors import UsageError
from cmcore.events import EventKind
from cmcore.registry.audit import lock
from cmcore.registry.policy import ANY_MODEL, DEFAULT, Policy, fingerprint, weakened
from cmcore.registry.tables import POLICIES
from cmcore.registry.texts import checked_prose
from cmcore.registry.transaction import Transaction


def in_force(connection: sa.Connection, model: str) -> Policy:
    """The model's own policy, else the one for all, else the built-in one."""
    query = sa.select(POLICIES.c.model, POLICIES.c.document).where(POLICIES.c.model.in_([model, ANY_MODEL]))
    rows = {row.model: row.document for row in connection.execute(query)}
    text = rows.get(model, rows.get(ANY_MODEL))
    return Policy.model_validate_json(text) if text else DEFAULT


def applied(transaction: Transaction, policy: Policy, reason: str) -> tuple[str, ...]:
    """Put a policy in force; what it makes easier. Raises UsageError where that is something and nobody says why."""
    connection, reason = transaction.connection, checked_prose("the reason", reason)
    check_keys(policy)
    lock(connection)  # promotions hold it from when they read a policy until they are through
    before = in_force(connection, policy.model)
    easier = weakened(before, policy)
    if easier and not reason:
        raise UsageError(
            "\n  ".join(["this policy asks for less than the one in force; give a reason (--reason):", *easier])
        )
    connection.execute(sa.delete(POLICIES).where(POLICIES.c.model == policy.model))
    row = {"model": policy.model, "document": policy.model_dump_json(), "applied_at": transaction.at}
    connection.execute(
        sa.insert(POLICIES), row | {"actor": transaction.actor}
    )  # whole: defaults may change, it must not
    transaction.tell(
        EventKind.POLICY_APPLIED,
        policy.model,
        document=policy.as_document(),
        weakens=[*easier],
        reason=reason,
    )
    return easier


def check_keys(policy: Policy) -> None:
    """Raise UsageError for a key that is still a path: what a file of somebody's holds, others cannot see."""
    for environment in policy.environments.values():
        for gate in environment.gates:
            for key in gate.signed.keys if gate.signed else ():
                fingerprint(key)
