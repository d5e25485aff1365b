"""Standing: how far a tracker has got in the event log, what it cannot do just now, and what it had to pass over.

Nothing is delivered here; no tracker is needed, or asked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import sqlalchemy as sa

from cmcore.errors import StateError
from cmcore.state.database import StateDatabase
from cmcore.state.journal import ADVANCE
from cmcore.state.lease import Lease, fence
from cmcore.state.tables import EVENT_COUNTER, EVENT_CURSORS
from cmcore.tracking.deliveries import PassedOver
from cmcore.tracking.memory import TrackerMemory

TROUBLE = "courier:trouble"  # a tracker's own names have no colon in front


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One tracker at one moment; `trouble` is why it cannot go on, empty where it can, and `since` when that began."""

    tracker: str
    delivered_to: int
    waiting: int
    passed_over: int
    trouble: str
    since: float | None


def account(tracker: str, project: str) -> str:
    """The name under which everything about a project's tracker is kept: projects may share a state database."""
    return f"{project}/{tracker}" if project else tracker


def consumer(account: str) -> str:
    """The name under which the log keeps how far a tracker has read."""
    return f"tracker:{account}"


class Book:
    """Where it is written how far one tracker has got: by whom the lease is held, if one is given.

    `folder` has a file of faults for each tracker, one JSON document a line. `project` is whose tracker it is.
    """

    def __init__(
        self,
        database: StateDatabase,
        tracker: str,
        *,
        folder: Path,
        project: str = "",
        lease: Lease | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.tracker, self.faults = tracker, folder / f"{tracker}.faults.jsonl"
        self.account = account(tracker, project)
        self._database, self._lease, self._clock = database, lease, clock
        self._memory = TrackerMemory(database, self.account, lease=lease)
        self._trouble = False

    def cursor(self) -> int:
        """The last event that the tracker is done with."""
        query = sa.select(EVENT_CURSORS.c.seq).where(EVENT_CURSORS.c.consumer == consumer(self.account))
        with self._database.reading() as connection:
            return connection.execute(query).scalar() or 0

    def end(self) -> int:
        """The last event of the log."""
        with self._database.reading() as connection:
            return int(connection.execute(sa.select(EVENT_COUNTER.c.last)).scalar_one())

    def advance(self, seq: int) -> None:
        """The tracker is done with events up to `seq`, and in no trouble; LeaseLostError if it is another's by now."""
        with self._database.writing() as connection:
            if self._lease is not None:
                fence(connection, self._lease)
            connection.execute(ADVANCE, {"consumer": consumer(self.account), "seq": seq})
        if self._trouble:
            self._memory.put(TROUBLE, "")
            self._trouble = False

    def pass_over(self, fault: PassedOver) -> None:
        """Keep which event could not be delivered, and why."""
        line = json.dumps({"at": self._clock(), **asdict(fault)}, ensure_ascii=False)
        try:
            self.faults.parent.mkdir(parents=True, exist_ok=True)
            with self.faults.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except OSError as error:
            raise StateError(
                f"event {fault.seq} cannot be delivered to {self.tracker}, and {self.faults} cannot be written "
                f"to say so: {error.strerror}. Free space, or give this user write access."
            ) from error

    def note_trouble(self, reason: str) -> None:
        """Keep why the tracker cannot go on; the time is that of the first of several in a row."""
        found = self.trouble()
        self._memory.put(TROUBLE, json.dumps({"since": found[1] or self._clock(), "reason": reason[:2000]}))
        self._trouble = True

    def trouble(self) -> tuple[str, float | None]:
        """Why the tracker could not go on when it was last tried, and since when; empty if it could."""
        text = self._memory.get(TROUBLE)
        self._trouble = bool(text)
        kept = json.loads(text or "{}")
        return kept.get("reason", ""), kept.get("since")

    def standing(self) -> Standing:
        """The tracker at this moment."""
        end, cursor = self.end(), self.cursor()
        trouble, since = self.trouble()
        return Standing(
            tracker=self.tracker,
            delivered_to=cursor,
            waiting=end - cursor,
            passed_over=self._fault_count(),
            trouble=trouble,
            since=since,
        )

    def _fault_count(self) -> int:
        try:
            lines = self.faults.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return 0
        return len({line.partition('"seq": ')[2].partition(",")[0] for line in lines})  # a kill can write one twice
