"""Garbage: what attempts left that no record names. The choice is pure; the act deletes what was chosen.

What is recorded and which runs live is asked elsewhere and handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from cmcore.storage.attempts import AttemptFolder
from cmcore.storage.cache import DAMAGED_PREFIX, DOWNLOAD_PREFIX, STAGING_PREFIX
from cmcore.storage.location import payload_tail
from cmcore.storage.store import PayloadStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """One folder that may go: a whole attempt, or one payload of an attempt that is otherwise recorded."""

    uri: str
    run: str
    size_bytes: int
    reason: str


def garbage(found: Iterable[AttemptFolder], recorded: Set[str], live_runs: Set[str]) -> list[Garbage]:
    """What may be deleted: no record has its URI (`recorded`, of all artifacts in any state), and its run is not live.

    Gather the arguments in this order, each whole: found, live_runs, recorded. A run that ends in between has
    written its records by then. URIs are compared by their last five parts, so that a root that was moved, or is
    mounted elsewhere, does not make everything garbage.
    """
    kept = {payload_tail(uri) for uri in recorded}
    return [item for attempt in found if attempt.run not in live_runs for item in _unrecorded(attempt, kept)]


def collect(store: PayloadStore, chosen: Sequence[Garbage], *, dry_run: bool) -> int:
    """Delete what `garbage` chose; the bytes that are (or would be) free again.

    Whoever calls this holds the leases of the runs concerned: a run that is resumed meanwhile could publish what is
    being deleted. Killed half-way it is simply done again.
    """
    if not dry_run:
        for item in chosen:
            store.remove(item.uri)
    return sum(item.size_bytes for item in chosen)


def abandoned(cache: Path, *, before: float) -> list[Path]:
    """Folders in which killed processes left half an upload or download: made before the oldest live run began
    (seconds since 1970)."""
    prefixes = (STAGING_PREFIX, DOWNLOAD_PREFIX, DAMAGED_PREFIX)
    found = sorted(folder for folder in cache.glob("*-*") if folder.name.startswith(prefixes))
    return [folder for folder in found if folder.stat().st_mtime < before]


def _unrecorded(attempt: AttemptFolder, kept: Set[str]) -> Iterator[Garbage]:
    lost = [payload for payload in attempt.payloads if payload_tail(payload.uri) not in kept]
    if len(lost) == len(attempt.payloads):
        size = sum(payload.size_bytes for payload in lost)
        yield Garbage(uri=attempt.uri, run=attempt.run, size_bytes=size, reason=_reason(attempt))
        return
    for payload in lost:
        reason = "not among the recorded outputs of its attempt"
        yield Garbage(uri=payload.uri, run=attempt.run, size_bytes=payload.size_bytes, reason=reason)


def _reason(attempt: AttemptFolder) -> str:
    sealed = sum(payload.sealed for payload in attempt.payloads)
    return f"no record names it ({sealed} of {len(attempt.payloads)} payloads sealed)"
