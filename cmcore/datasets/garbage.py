"""What killed snapshots left in a chunk store. Which versions there are is asked of the database by whoever calls."""

from __future__ import annotations

from collections.abc import Iterable

from cmcore.datasets.chunks import ChunkStore, Kept

GRACE_S = 3600.0  # what is younger may belong to a snapshot that is still being taken


class InUse:
    """The names of everything that versions need; each manifest is read once."""

    def __init__(self, store: ChunkStore) -> None:
        self._store = store
        self._names: set[str] = set()

    def learn(self, manifests: Iterable[str]) -> None:
        """Take in the manifests of versions; raises StorageError where one is lost: nobody knows what it needs."""
        for name in manifests:
            if name not in self._names:
                self._names.update(chunk.sha256 for chunk in self._store.read_manifest(name).chunks())
                self._names.add(name)

    def __contains__(self, name: str) -> bool:
        return name in self._names


def old_ones(store: ChunkStore, *, before: float) -> list[Kept]:
    """Files of the store that were written before a time (seconds since 1970)."""
    return [kept for kept in store.everything() if kept.changed_at < before]
