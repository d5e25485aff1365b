"""The slices of an evaluation, read from its payload: more than the registry keeps. A lost payload has none."""

from __future__ import annotations

import math

from cmcore.artifacts.payload import Payload
from cmcore.errors import DocumentError, StorageError
from cmcore.lineage.store import LineageStore
from cmcore.provenance.card.card import Metric, Slice
from cmcore.registry.contract import EVALUATION_BYTES, EVALUATION_FILE
from cmcore.registry.facts import VersionFacts
from cmcore.registry.payload_documents import Tolerant, content, json_document
from cmcore.storage.store import PayloadStore


class Estimate(Tolerant):
    """A metric as evaluations hold it."""

    value: float | None
    low: float | None = None
    high: float | None = None


class SliceDocument(Tolerant):
    """One slice of an evaluation."""

    of: dict[str, str]
    rows: int = 0
    metrics: dict[str, Estimate] = {}


class SlicesDocument(Tolerant):
    """An `evaluation.json`, as far as its slices go."""

    slices: tuple[SliceDocument, ...] = ()
    higher_is_better: dict[str, bool] = {}


def slices_of(facts: VersionFacts, lineage: LineageStore, payloads: PayloadStore) -> tuple[Slice, ...]:
    """The slices of a version's evaluation; none where it has none, or where it cannot be read any more."""
    artifact = lineage.artifact(facts.evaluation.artifact) if facts.evaluation and facts.evaluation.artifact else None
    if artifact is None or artifact.deleted:
        return ()
    try:
        payload = payloads.input(artifact.uri, artifact.digest, imported=bool(artifact.facts.get("imported")))
        return read_slices(payload)
    except (StorageError, DocumentError):
        return ()


def read_slices(payload: Payload) -> tuple[Slice, ...]:
    """The slices in an evaluation's payload; raises DocumentError, StorageError."""
    raw = content(payload, EVALUATION_FILE, limit=EVALUATION_BYTES)
    if raw is None:
        return ()
    document = json_document(payload, EVALUATION_FILE, raw, SlicesDocument)
    return tuple(
        Slice(of=each.of, rows=each.rows, metrics=metrics(each, document.higher_is_better)) for each in document.slices
    )


def metrics(found: SliceDocument, higher_is_better: dict[str, bool]) -> tuple[Metric, ...]:
    """The metrics of a slice by name; one that has no value there keeps its place without one."""
    return tuple(
        Metric(
            name=name,
            value=finite(each.value),
            low=finite(each.low),
            high=finite(each.high),
            higher_is_better=higher_is_better.get(name),
        )
        for name, each in sorted(found.metrics.items())
    )


def finite(value: float | None) -> float | None:
    """The number; None for what is none."""
    return value if value is not None and math.isfinite(value) else None
