"""The clocks by which leases run out: the machine's for SQLite, the server's for PostgreSQL.

Nobody's wall clock is asked: it jumps, and two machines disagree about it. No lease is judged here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import sqlalchemy as sa

from cmcore.state.holder import boot_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """Seconds since the start of an epoch; those of different epochs cannot be compared."""

    epoch: str
    seconds: float


Clock = Callable[[sa.Connection], Instant]


def boot_clock(_connection: sa.Connection) -> Instant:
    """Time since the machine was started, suspended or not; the epoch is that boot."""
    return Instant(epoch=boot_id(), seconds=time.clock_gettime(time.CLOCK_BOOTTIME))


def server_clock(connection: sa.Connection) -> Instant:
    """The PostgreSQL server's time at this moment, not at the start of the transaction."""
    seconds = connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())::float8").scalar_one()
    return Instant(epoch="server", seconds=seconds)


CLOCKS: Mapping[str, Clock] = MappingProxyType({"sqlite": boot_clock, "postgresql": server_clock})
