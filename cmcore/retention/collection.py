"""Collecting: what verdicts let go is first buried in the lineage, then told to the log, then deleted.

Each step can be made again, and a kill between two leaves bytes that a record calls deleted, never the reverse. Which
payloads go is decided in `roots` and `verdicts`; when that may be decided at all, by whoever holds the leases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from cmcore.address import Address
from cmcore.events import Event, EventKind
from cmcore.failpoint import failpoint
from cmcore.lineage.store import LineageStore
from cmcore.retention.verdicts import Verdict
from cmcore.state.journal import Journal
from cmcore.storage.store import PayloadStore

BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Where payloads and their records are; `by` says in the records who collects, and under which policy."""

    lineage: LineageStore
    journal: Journal
    payloads: PayloadStore
    actor: str
    by: str
    clock: Callable[[], float]

    def bury(self, doomed: Sequence[Verdict], *, still: Callable[[], None]) -> None:
        """Record that these payloads are deleted; `still` raises once that may no longer be decided."""
        for batch in batches([verdict for verdict in doomed if not verdict.buried]):
            still()
            names = [artifact.name for verdict in batch for artifact in verdict.artifacts]
            self.lineage.bury(names, at=self.clock(), reason=self.by)
            failpoint("gc-buried")
            self._tell(batch)
        self._tell(self._untold([verdict for verdict in doomed if verdict.buried]))

    def delete(self, verdict: Verdict) -> None:
        """Delete the bytes of what was buried."""
        self.payloads.remove(verdict.uri)
        failpoint("gc-deleted")

    def _tell(self, batch: Sequence[Verdict]) -> None:
        if not batch:
            return
        self.journal.append([self._event(verdict) for verdict in batch], lease=None)
        failpoint("gc-told")

    def _untold(self, buried: Sequence[Verdict]) -> list[Verdict]:
        """Those of which a killed collector recorded the burial, and did not get so far as to tell it."""
        told = {
            event.data["uri"]
            for run in {verdict.run for verdict in buried}
            for event in self.journal.of_run(run)
            if event.kind is EventKind.PAYLOAD_DELETED
        }
        return [verdict for verdict in buried if verdict.uri not in told]

    def _event(self, verdict: Verdict) -> Event:
        address = Address.parse("/".join(verdict.uri.split("/")[-5:-2]))
        data: dict[str, JsonValue] = {
            "uri": verdict.uri,
            "artifacts": [artifact.name for artifact in verdict.artifacts],
            "digest": verdict.artifacts[0].digest,
            "size_bytes": verdict.size_bytes,
            "reason": self.by,
            "actor": self.actor,
        }
        kind = EventKind.PAYLOAD_DELETED
        return Event(kind=kind, at=self.clock(), run=verdict.run, node=address.node, address=str(address), data=data)


def batches(verdicts: Sequence[Verdict]) -> Iterator[Sequence[Verdict]]:
    """The verdicts, some at a time."""
    return (verdicts[start : start + BATCH] for start in range(0, len(verdicts), BATCH))
