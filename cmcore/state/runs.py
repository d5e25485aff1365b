"""Runs: what was asked for and how it ended, one row per run; its plan is kept as it was made.

What happened in between is in the journal, what came of it in the lineage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import sqlalchemy as sa
from sqlalchemy import exc

from cmcore.errors import NotFoundError, StateError
from cmcore.events import Event
from cmcore.state.database import StateDatabase
from cmcore.state.journal import record
from cmcore.state.lease import Lease, fence
from cmcore.state.tables import RUNS


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run; `plan` and `options` are JSON texts, times are wall-clock seconds since 1970."""

    run: str
    project: str
    pipeline: str
    actor: str
    state: str
    created_at: float
    finished_at: float | None
    plan: str
    options: str


COLUMNS = tuple(RUNS.c[field.name] for field in fields(RunRow))


class Runs:
    """The runs of one state database."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def create(self, row: RunRow) -> None:
        """Record a new run; StateError if there is one of this name."""
        with self._database.writing() as connection:
            try:
                connection.execute(sa.insert(RUNS).values(asdict(row)))
            except exc.IntegrityError as error:
                raise StateError(
                    f"the run {row.run!r} exists already; go on with it (cm resume {row.run}) or choose another name"
                ) from error

    def get(self, run: str) -> RunRow | None:
        """One run by name."""
        with self._database.reading() as connection:
            found = connection.execute(sa.select(*COLUMNS).where(RUNS.c.run == run)).mappings().first()
        return RunRow(**found) if found else None

    def finish(self, lease: Lease, run: str, state: str, at: float, *, events: Sequence[Event] = ()) -> None:
        """Record how the run ended, with the events that say so; LeaseLostError, and no change, if it is not ours."""
        with self._database.writing() as connection:
            fence(connection, lease)
            statement = sa.update(RUNS).where(RUNS.c.run == run).values(state=state, finished_at=at)
            if connection.execute(statement).rowcount == 0:
                raise NotFoundError(f"there is no run {run!r} to finish; cm runs lists them")
            record(connection, events)

    def reopen(self, lease: Lease, run: str, state: str) -> None:
        """Record that the run goes on; LeaseLostError, and no change, if the lease is not current."""
        with self._database.writing() as connection:
            fence(connection, lease)
            connection.execute(sa.update(RUNS).where(RUNS.c.run == run).values(state=state, finished_at=None))

    def list(self, *, pipeline: str = "", limit: int = 50) -> Sequence[RunRow]:
        """Runs of one pipeline or of all, the one created last first."""
        query = sa.select(*COLUMNS).order_by(RUNS.c.number.desc()).limit(limit)
        if pipeline:
            query = query.where(RUNS.c.pipeline == pipeline)
        with self._database.reading() as connection:
            return [RunRow(**row) for row in connection.execute(query).mappings()]
