"""What becomes of each recorded payload: kept for a root, or free to go, and why. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cmcore.lineage.record import ArtifactRecord, ExecutionRecord
from cmcore.lineage.walk import deletion, identity
from cmcore.retention.roots import DAY_S
from cmcore.storage.attempts import AttemptFolder, PayloadFolder
from cmcore.storage.location import payload_tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One payload that some record names: `kept_by` is the root that needs it, `reason` why it may go; one is empty.

    `buried` says that its deletion is on record already, so that only bytes are left.
    """

    uri: str
    run: str
    size_bytes: int
    artifacts: tuple[ArtifactRecord, ...]
    kept_by: str = ""
    reason: str = ""
    buried: bool = False


def verdicts(
    found: Iterable[AttemptFolder],
    executions: Sequence[ExecutionRecord],
    kept: Mapping[str, str],
    ages_s: Mapping[str, float],
) -> list[Verdict]:
    """One verdict for each payload that is recorded and lies in a run of `ages_s`, in the order of the folders.

    Of what was imported nothing can go: it lies elsewhere. Where somebody imported a part of a payload of ours, that
    payload is kept as long as the import is.
    """
    recorded = recorded_at(executions)
    outside = imported_parts(recorded, kept)
    return [
        _verdict(payload, attempt.run, recorded[tail], kept, outside, ages_s[attempt.run])
        for attempt in found
        if attempt.run in ages_s
        for payload in attempt.payloads
        if (tail := payload_tail(payload.uri)) in recorded
    ]


def recorded_at(executions: Sequence[ExecutionRecord]) -> dict[str, tuple[ArtifactRecord, ...]]:
    """Every recorded artifact by the end of its URI, which stays the same when a root is moved."""
    artifacts = {
        identity(edge.artifact): edge.artifact for each in executions for edge in (*each.inputs, *each.outputs)
    }
    found: dict[str, list[ArtifactRecord]] = defaultdict(list)
    for artifact in artifacts.values():
        found[payload_tail(artifact.uri)].append(artifact)
    return {tail: tuple(there) for tail, there in found.items()}


def imported_parts(recorded: Mapping[str, Sequence[ArtifactRecord]], kept: Mapping[str, str]) -> dict[str, str]:
    """Where imported data lie that a root needs, with that root."""
    return {
        artifact.uri: kept[identity(artifact)]
        for there in recorded.values()
        for artifact in there
        if artifact.facts.get("imported") and identity(artifact) in kept
    }


def _verdict(
    payload: PayloadFolder,
    run: str,
    artifacts: tuple[ArtifactRecord, ...],
    kept: Mapping[str, str],
    outside: Mapping[str, str],
    age_s: float,
) -> Verdict:
    buried = all(artifact.deleted for artifact in artifacts)
    root = "" if buried else next(_roots(payload.uri, artifacts, kept, outside), "")
    reason = f"left behind: {deletion(artifacts[0])}" if buried else f"no root needs it, its run is {_days(age_s)} old"
    return Verdict(
        uri=payload.uri,
        run=run,
        size_bytes=payload.size_bytes,
        artifacts=artifacts,
        kept_by=root,
        reason="" if root else reason,
        buried=buried,
    )


def _roots(
    uri: str, artifacts: Sequence[ArtifactRecord], kept: Mapping[str, str], outside: Mapping[str, str]
) -> Iterator[str]:
    yield from (kept[identity(it)] for it in artifacts if identity(it) in kept)
    yield from (root for part, root in outside.items() if part.startswith(f"{uri}/"))
    yield from ("an artifact without a name, which others recorded" for it in artifacts if not it.name)


def _days(age_s: float) -> str:
    days = int(age_s // DAY_S)
    return f"{days} day{'' if days == 1 else 's'}"
