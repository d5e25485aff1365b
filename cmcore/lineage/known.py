"""KnownArtifacts: the artifacts of one store by their names, which are ours, and their ids, which are only hints.

What a store's message means is `wire.py`; nothing is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from cmcore.errors import LineageError
from cmcore.lineage.kinds import Kinds
from cmcore.lineage.record import ArtifactRecord, Edge
from cmcore.lineage.wire import Message

T = TypeVar("T")
CHUNK_IDS = 500


class ArtifactSource(Protocol):
    """What is asked of ML-Metadata's client."""

    def get_artifacts_by_id(self, artifact_ids: list[int]) -> list[Message]:
        """Those that exist."""
        ...

    def get_artifact_by_type_and_name(self, type_name: str, artifact_name: str, type_version: str | None) -> Message:
        """None where there is none."""
        ...


class KnownArtifacts:
    """Names by ids, as far as they have been seen; `record` reads a message, and sees to it that it is known."""

    def __init__(self, source: ArtifactSource, kinds: Kinds, record: Callable[[Message], ArtifactRecord]) -> None:
        self._source, self._kinds, self._record = source, kinds, record
        self._names: dict[int, str] = {}

    def see(self, number: int, name: str) -> None:
        """An artifact has this id and name."""
        self._names[number] = name

    def named(self, name: str) -> Message | None:
        """The artifact of this name; each type has to be asked."""
        for kind in self._kinds.all():
            found = self._source.get_artifact_by_type_and_name(kind.name, name, kind.version or None)
            if found is not None:
                return found
        return None

    def all_named(self, names: Sequence[str]) -> list[Message]:
        """One artifact for each name, once; ids that have been seen save asking. LineageError for unknown names."""
        ids = {name: number for number, name in self._names.items()}
        likely = in_chunks(self._source.get_artifacts_by_id, sorted({ids[name] for name in names if name in ids}))
        found = {artifact.name: artifact for artifact in likely}
        for name in dict.fromkeys(names):
            if name not in found and (artifact := self.named(name)) is not None:
                found[name] = artifact
        if unknown := [name for name in names if name not in found]:
            raise LineageError(f"artifact {unknown[0]!r} is not in this store")
        return [found[name] for name in dict.fromkeys(names)]

    def given_ids(self, edges: tuple[Edge, ...]) -> tuple[Edge, ...]:
        """The edges with ids of this store for artifacts that exist; an id is a hint until its name is compared."""
        doubtful = {e.artifact.id for e in edges if self._names.get(e.artifact.id) != e.artifact.name} - {0}
        for found in in_chunks(self._source.get_artifacts_by_id, sorted(doubtful)):
            self._names[found.id] = found.name
        return tuple(self._with_id(edge) for edge in edges)

    def _with_id(self, edge: Edge) -> Edge:
        artifact = edge.artifact
        if not artifact.id or self._names.get(artifact.id) == artifact.name:
            return edge
        found = self.named(artifact.name)
        if found is None:
            raise LineageError(f"artifact {artifact.name!r} under {edge.key!r} is not in this store")
        return replace(edge, artifact=self._record(found))


def in_chunks(get: Callable[[list[int]], Iterable[T]], ids: Sequence[int]) -> list[T]:
    """What a call gives for many ids, asked for some at a time."""
    chunks = (list(ids[start : start + CHUNK_IDS]) for start in range(0, len(ids), CHUNK_IDS))
    return [found for chunk in chunks for found in get(chunk)]
