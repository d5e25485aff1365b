"""The audit log's chain: every entry's hash covers the entry and the hash before it, so no row changes unnoticed.

Pure: entries come in as values, wherever they were kept. A chain proves nothing against somebody who writes all of it
anew; the hashes that the event log holds (`witnesses`), and heads noted elsewhere, do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from cmcore.document.write import canonical
from cmcore.errors import UsageError
from cmcore.registry.values import AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of the chain: the last entry's number and hash."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """The inverse of `str`, space around it allowed; raises UsageError."""
        found = HEAD.fullmatch(text.strip())
        if found is None:
            raise UsageError(f"{text[:80]!a} is no head of the audit log; write what `cm audit head` printed")
        return cls(seq=int(found[1]), hash=found[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What a verification found: how many entries hold, and the first that does not."""

    entries: int
    ok: bool
    first_bad: int = 0
    reason: str = ""


HEAD = re.compile(r"([0-9]{1,15}):([0-9a-f]{64})")
START = Head(seq=0, hash="0" * 64)
HASHED = tuple(field.name for field in fields(AuditEntry) if field.name != "hash")


def hash_of(entry: AuditEntry) -> str:
    """The SHA-256 of everything in the entry but its hash."""
    content = {name: dict(entry.data) if name == "data" else getattr(entry, name) for name in HASHED}
    return hashlib.sha256(canonical(content)).hexdigest()


def verify(
    entries: Iterable[AuditEntry],
    head: Head,
    *,
    witnesses: Iterable[Head] | None = None,
    noted: Head | None = None,
) -> AuditReport:
    """Go through a whole chain, the oldest entry first, and stop where it breaks.

    `witnesses` are the heads that the event log recorded, one for each entry in its order; `noted` is one that somebody
    wrote down elsewhere.
    """
    last = START
    watched = None if witnesses is None else iter(witnesses)
    for entry in entries:
        if reason := fault(entry, last, head) or betrayal(entry, watched, noted):
            bad = min(entry.seq, last.seq + 1)
            return AuditReport(entries=last.seq, ok=False, first_bad=bad, reason=reason)
        last = Head(seq=entry.seq, hash=entry.hash)
    reason = missing(last, head, watched, noted)
    return AuditReport(entries=last.seq, ok=not reason, first_bad=last.seq + 1 if reason else 0, reason=reason)


def fault(entry: AuditEntry, last: Head, head: Head) -> str:
    """What is wrong with an entry that should follow `last`; empty if nothing."""
    if entry.seq != last.seq + 1:
        return f"entry {last.seq + 1} is not there: entry {entry.seq} comes after {last.seq}"
    if entry.seq > head.seq:
        return f"entry {entry.seq} comes after the end of the log, which has {head.seq} entries: it was put in"
    if entry.previous != last.hash:
        return f"entry {entry.seq} does not continue entry {last.seq}: one of the two was changed or replaced"
    if not is_intact(entry):
        return f"entry {entry.seq} is not what was hashed when it was written: it was changed"
    return ""


def is_intact(entry: AuditEntry) -> bool:
    """Whether its hash is that of its content; nothing that cannot be hashed was ever written."""
    try:
        return entry.hash == hash_of(entry)
    except ValueError:
        return False


def betrayal(entry: AuditEntry, watched: Iterator[Head] | None, noted: Head | None) -> str:
    """What the event log, or the head that somebody noted, has against an entry that is sound in itself."""
    own = Head(seq=entry.seq, hash=entry.hash)
    witness = own if watched is None else next(watched, None)
    if witness is None:
        return f"the event log ends before entry {entry.seq}: the entry was put in, or the event taken away"
    if witness != own:
        return (
            f"the event log knows entry {witness.seq} as {witness.hash[:12]}, this is {entry.seq} as {entry.hash[:12]}"
        )
    if noted is not None and noted.seq == entry.seq and noted != own:
        return f"entry {entry.seq} was noted as {noted.hash[:12]} and is {entry.hash[:12]}: the log was written anew"
    return ""


def missing(last: Head, head: Head, watched: Iterator[Head] | None, noted: Head | None) -> str:
    """What should come after the last entry; empty if nothing."""
    if last.seq < head.seq:
        return f"the log has {head.seq} entries, and those after {last.seq} are not there"
    if last != head:
        return f"the end of the log is recorded as {head.hash[:12]} and is {last.hash[:12]}"
    witness = None if watched is None else next(watched, None)
    if witness is not None:
        return f"the event log knows of entry {witness.seq}, which is not there"
    if noted is not None and noted.seq > last.seq:
        return f"entry {noted.seq} was noted, and the log has {last.seq}"
    return ""
