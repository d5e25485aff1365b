"""Leases: at most one process at a time may act under a name, and a fencing token tells a late one that it lost.

The decision is in `claim.py`; here it is read, taken and written in one transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields

import sqlalchemy as sa

from cmcore.errors import LeaseHeldError, LeaseLostError, UsageError
from cmcore.state.claim import Standing, Tenure, refusal, standing
from cmcore.state.clock import CLOCKS, Clock, Instant
from cmcore.state.database import StateDatabase
from cmcore.state.driver_sql import driver_sql
from cmcore.state.holder import Holder, is_gone
from cmcore.state.tables import LEASES

__all__ = ["COLLECTION", "Holder", "Lease", "Leases", "fence", "refuse_while_held"]

WAIT_S = 0.1
COLLECTION = "gc"  # held while it is decided which payloads go: nothing may come to need one in the meantime

INSERT_UNLESS_THERE = sa.text(
    "INSERT INTO leases (name, token, held, host, boot_id, pid, process_started, actor, epoch, acquired_at_s,"
    " expires_at_s, ttl_s) VALUES (:name, 0, false, '', '', 0, '', '', '', 0, 0, 0) ON CONFLICT (name) DO NOTHING"
)
HELD_UNDER_TOKEN = sa.and_(
    LEASES.c.name == sa.bindparam("lease_name"),
    LEASES.c.token == sa.bindparam("lease_token"),
    LEASES.c.held.is_(sa.true()),
)
FENCE = sa.select(LEASES.c.token).where(HELD_UNDER_TOKEN).with_for_update(read=True)
RENEW = (
    sa.update(LEASES)
    .where(HELD_UNDER_TOKEN)
    .values(expires_at_s=sa.bindparam("now_s", type_=sa.Double) + LEASES.c.ttl_s)
)
GIVE_BACK = sa.update(LEASES).where(HELD_UNDER_TOKEN).values(held=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to act under `name`; `token` is greater than that of every holder before."""

    name: str
    token: int
    holder: Holder


class Leases:
    """The leases of one state database. Each call is a transaction of its own; any thread may make it."""

    def __init__(self, database: StateDatabase, *, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or CLOCKS[database.engine.dialect.name]

    def acquire(self, name: str, holder: Holder, *, ttl_s: float, unless: str = "") -> Lease:
        """Take the lease for `ttl_s`; LeaseHeldError if it is held, by this very holder too, or if `unless` is."""
        if not ttl_s > 0:
            raise UsageError(f"a lease for {ttl_s!r} s would have run out before it began; give a time above 0")
        with self._database.writing() as connection:
            if unless:
                refuse_while_held(connection, unless, clock=self._clock)
            connection.execute(INSERT_UNLESS_THERE, {"name": name})
            tenure = recorded(connection, name, lock=True)
            assert tenure is not None
            now = self._clock(connection)
            if stands(tenure, now) is Standing.HELD:
                raise LeaseHeldError(refusal(name, tenure, now=now))
            lease = Lease(name=name, token=tenure.token + 1, holder=holder)
            connection.execute(grant(lease, now, ttl_s))
        return lease

    def renew(self, lease: Lease) -> None:
        """Let the lease run for its whole time from now; LeaseLostError if it is not ours any more.

        A lease that ran out and that nobody took is still ours.
        """
        with self._database.writing() as connection:
            now_s = self._clock(connection).seconds
            if connection.execute(RENEW, {**keys(lease), "now_s": now_s}).rowcount == 0:
                raise lost(connection, lease)

    def release(self, lease: Lease) -> None:
        """Give the lease back if it is still ours; otherwise nothing happens."""
        with self._database.writing() as connection:
            connection.execute(GIVE_BACK, keys(lease))

    def holder(self, name: str) -> Holder | None:
        """Who holds the lease at this moment."""
        with self._database.reading() as connection:
            tenure = recorded(connection, name)
            if tenure is None or stands(tenure, self._clock(connection)) is not Standing.HELD:
                return None
            return tenure.holder

    def held(self, prefix: str) -> dict[str, Holder]:
        """Who holds which of the leases whose names begin so, at this moment."""
        query = sa.select(LEASES).where(LEASES.c.name.startswith(prefix, autoescape=True), LEASES.c.held.is_(sa.true()))
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
            now = self._clock(connection)
        tenures = {row["name"]: tenure_of(row) for row in rows}
        return {name: it.holder for name, it in tenures.items() if stands(it, now) is Standing.HELD}

    def wait_for(self, name: str, *, patience_s: float, sleep: Callable[[float], None] = time.sleep) -> None:
        """Return once nobody holds the lease, or at the end of one's patience."""
        give_up_at = time.monotonic() + patience_s
        while self.holder(name) is not None and time.monotonic() < give_up_at:
            sleep(WAIT_S)


def stands(tenure: Tenure, now: Instant) -> Standing:
    """How a lease stands, its holder's fate looked up."""
    return standing(tenure, now=now, holder_is_gone=tenure.held and is_gone(tenure.holder))


def refuse_while_held(connection: sa.Connection, name: str, *, clock: Clock | None = None) -> None:
    """Refuse with LeaseHeldError while somebody holds the lease, and let nobody take it until this transaction ends.

    One that has run out is ended for good: should its holder have been asleep, `renew` tells him.
    """
    connection.execute(INSERT_UNLESS_THERE, {"name": name})
    tenure = recorded(connection, name, lock=True)
    assert tenure is not None
    now = (clock or CLOCKS[connection.dialect.name])(connection)
    if stands(tenure, now) is Standing.HELD:
        raise LeaseHeldError(refusal(name, tenure, now=now))
    if tenure.held:
        connection.execute(GIVE_BACK, {"lease_name": name, "lease_token": tenure.token})


def fence(connection: sa.Connection, lease: Lease) -> None:
    """Refuse with LeaseLostError unless the lease is current, and keep it so until this transaction ends."""
    if connection.exec_driver_sql(driver_sql(FENCE, connection.dialect), keys(lease)).first() is None:
        raise lost(connection, lease)


def keys(lease: Lease) -> dict[str, str | int]:
    """The parameters of HELD_UNDER_TOKEN."""
    return {"lease_name": lease.name, "lease_token": lease.token}


def lost(connection: sa.Connection, lease: Lease) -> LeaseLostError:
    """What to tell a process whose lease is not current."""
    tenure = recorded(connection, lease.name)
    found = f"{tenure.holder} took it over" if tenure and tenure.token > lease.token else "it was given back"
    return LeaseLostError(
        f"{lease.holder} may not write under the lease {lease.name!r} (token {lease.token}) any more: {found}. "
        "Nothing was written; let this process end."
    )


def recorded(connection: sa.Connection, name: str, *, lock: bool = False) -> Tenure | None:
    """What the database has about a lease; with `lock`, nobody else changes it before this transaction ends."""
    query = sa.select(LEASES).where(LEASES.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return tenure_of(row) if row else None


def tenure_of(row: sa.RowMapping) -> Tenure:
    """The row as a tenure."""
    holder = Holder(**{field.name: row[field.name] for field in fields(Holder)})
    return Tenure(holder=holder, **{field.name: row[field.name] for field in fields(Tenure) if field.name != "holder"})


def grant(lease: Lease, now: Instant, ttl_s: float) -> sa.Update:
    """The statement that makes `lease` the current one."""
    return (
        sa.update(LEASES)
        .where(LEASES.c.name == lease.name)
        .values(
            token=lease.token,
            held=True,
            epoch=now.epoch,
            acquired_at_s=now.seconds,
            expires_at_s=now.seconds + ttl_s,
            ttl_s=ttl_s,
            **asdict(lease.holder),
        )
    )
