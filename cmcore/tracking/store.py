"""Tracking: what runs tell about themselves, to be searched, compared and labelled.

A reading of the event log, kept in tables that are brought up to date when they are asked. Runs write nothing here.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sa
from pydantic import JsonValue

from cmcore.errors import NotFoundError, UsageError
from cmcore.events import Event, EventKind
from cmcore.filters.syntax import Field, Filter
from cmcore.state.database import StateDatabase
from cmcore.state.journal import record
from cmcore.tracking import projection
from cmcore.tracking.changes import TEXT_MAX, UNSTORABLE
from cmcore.tracking.query import GROUPS, Order, by, has_number, where
from cmcore.tracking.reading import points_of, runs_of
from cmcore.tracking.tables import RUNS
from cmcore.tracking.values import Rank, Series, SeriesPoint, TrackedRun

TAG_NAME = re.compile(r"[A-Za-z0-9_./ -]{1,250}")


class Tracking:
    """What the runs of one state database have tracked."""

    def __init__(self, database: StateDatabase, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def catch_up(self) -> None:
        """Read the log to its end; every question does so first."""
        projection.catch_up(self._database)

    def run(self, name: str) -> TrackedRun:
        """One run; raises NotFoundError."""
        found = self.of(name)
        if found is None:
            raise no_run(name)
        return found

    def of(self, name: str) -> TrackedRun | None:
        """One run; None where the log has nothing of it: one that was killed before it said that it starts."""
        return next(iter(self._selected(sa.select(RUNS).where(RUNS.c.run == name))), None)

    def runs(self, names: Sequence[str]) -> list[TrackedRun]:
        """These runs, in this order; raises NotFoundError."""
        found = {run.run: run for run in self._selected(sa.select(RUNS).where(RUNS.c.run.in_(names)))}
        if missing := [name for name in names if name not in found]:
            raise no_run(missing[0])
        return [found[name] for name in names]

    def search(
        self, asked: Filter | None = None, *, order_by: Order | None = None, limit: int | None = 50
    ) -> list[TrackedRun]:
        """The runs for which a filter holds, the newest first unless another order is given.

        Raises UsageError for fields that there are not.
        """
        query = sa.select(RUNS).limit(limit)
        if asked is not None:
            query = query.where(where(asked, self._clock()))
        order = by(order_by) if order_by else [RUNS.c.number.desc()]
        return self._selected(query.order_by(*order))

    def series(self, run: str, series: Series) -> list[SeriesPoint]:
        """The points of a series by step, those of a reading of the machine by time; empty if there is none."""
        self.catch_up()
        with self._database.reading() as connection:
            return points_of(connection, run, series)

    def leaderboard(
        self, metric: str, *, minimise: bool = False, asked: Filter | None = None, limit: int = 20
    ) -> list[Rank]:
        """The best runs by a metric (`auc`, or `evaluator.auc` for one node's), the best first; NaN does not count."""
        order = Order(field=Field(group="metrics", name=metric), descending=not minimise)
        query = sa.select(RUNS).where(has_number(metric)).order_by(*by(order)).limit(limit)
        if asked is not None:
            query = query.where(where(asked, self._clock()))
        found = self._selected(query)
        return [rank(place, run, metric, minimise=minimise) for place, run in enumerate(found, 1)]

    def metric_names(self) -> list[str]:
        """The names of all metrics of all runs."""
        return self.names("metrics")

    def names(self, group: str) -> list[str]:
        """The names that all runs have in a group of fields: metrics, params or tags."""
        self.catch_up()
        name = GROUPS[group].c.name
        with self._database.reading() as connection:
            return list(connection.execute(sa.select(name).distinct().order_by(name)).scalars())

    def tag(self, run: str, tags: Mapping[str, str | None], *, actor: str) -> None:
        """Label a run; None takes a label away. Raises NotFoundError, UsageError."""
        if not tags:
            raise UsageError("no tag to give or to take away; write NAME=VALUE, for example team=x")
        for name, value in tags.items():
            check_tag(name, value or "")
        given: dict[str, JsonValue] = dict(tags)
        self._record(EventKind.RUN_TAGGED, run, {"tags": given, "actor": actor})

    def note(self, run: str, text: str, *, actor: str) -> None:
        """Write a remark on a run; remarks are only ever added. Raises NotFoundError, UsageError."""
        check_text("a note", text)
        if not text.strip():
            raise UsageError("a note without a text says nothing; write what is to be remembered")
        self._record(EventKind.RUN_NOTED, run, {"text": text, "actor": actor})

    def _record(self, kind: EventKind, run: str, data: dict[str, JsonValue]) -> None:
        self.catch_up()
        with self._database.writing() as connection:
            if connection.execute(sa.select(RUNS.c.number).where(RUNS.c.run == run)).first() is None:
                raise no_run(run)
            record(connection, [Event(kind=kind, at=self._clock(), run=run, data=data)])

    def _selected(self, query: sa.Select[tuple[object, ...]]) -> list[TrackedRun]:
        self.catch_up()
        with self._database.reading() as connection:
            return runs_of(connection, connection.execute(query).mappings().all())


def rank(place: int, run: TrackedRun, metric: str, *, minimise: bool) -> Rank:
    """A run's place, with the best of its values."""
    numbers = [each for each in run.metrics_named(metric) if not math.isnan(each.value)]
    best = (min if minimise else max)(numbers, key=lambda each: each.value)
    return Rank(place=place, run=run, node=best.node, value=best.value)


def no_run(name: str) -> NotFoundError:
    """The error for a run that is not in the log."""
    return NotFoundError(f"no run {name!r} in this project; cm runs lists those there are")


def check_tag(name: str, value: str) -> None:
    """Raise UsageError where no tag can be called or be worth that."""
    if not TAG_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a tag: write 1 to 250 letters of a to z, digits, spaces and '_', '.', '/', '-'"
        )
    check_text(f"the tag {name!r}", value)


def check_text(what: str, text: str) -> None:
    """Raise UsageError for a text that is too long, or that no database keeps."""
    if len(text) > TEXT_MAX:
        raise UsageError(f"{what} has at most {TEXT_MAX} characters, and this one has {len(text)}")
    if UNSTORABLE.search(text):
        raise UsageError(f"{what} cannot hold NUL or half of a UTF-16 pair; write plain text")
