"""What killed snapshots leave is found and deleted, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cmcore.datasets.chunks import Kept
from cmcore.datasets.garbage import InUse
from cmcore.datasets.manifest import Chunk, name_of
from cmcore.datasets.store import Datasets
from cmcore.errors import StorageError
from cmcore.lineage.memory import MemoryLineage
from cmcore.state.database import StateDatabase
from tests.unit.datasets.folders import write

LEFT = Chunk(sha256=name_of(b"left"), size=4)


@pytest.fixture
def littered(datasets: Datasets, folder: Path) -> Datasets:
    """A version, a chunk that nobody needs, and a file that was never finished."""
    datasets.snapshot(folder, "shop")
    datasets.chunks.put(LEFT, b"left")
    (datasets.chunks.root / "aside" / "half").write_bytes(b"half a chunk")
    return datasets


def test_leftovers_are_listed_with_their_sizes(littered: Datasets) -> None:
    assert sorted(size for _, size in littered.garbage()) == [4, 12]


def test_they_are_uris_of_files(littered: Datasets) -> None:
    assert all(uri.startswith(littered.chunks.root.as_uri()) for uri, _ in littered.garbage())


def test_collecting_frees_them(littered: Datasets) -> None:
    assert littered.collect() == 16
    assert littered.garbage() == []


def test_collecting_leaves_versions_whole(littered: Datasets) -> None:
    littered.collect()
    assert littered.damage(littered.versions()) == []


def test_collecting_twice_frees_nothing_more(littered: Datasets) -> None:
    littered.collect()
    assert littered.collect() == 0


def test_what_is_young_may_belong_to_somebody(littered: Datasets) -> None:
    for kept in littered.chunks.everything():
        os.utime(kept.file, (2_000_000_000 - 3000,) * 2)
    assert littered.garbage() == []


def test_an_empty_store_has_none(datasets: Datasets) -> None:
    assert (datasets.garbage(), datasets.collect()) == ([], 0)


def test_nothing_is_collected_where_a_manifest_is_lost(littered: Datasets, folder: Path) -> None:
    manifest = littered.versions()[0].manifest
    (littered.chunks.root / "manifests" / manifest[:2] / manifest[2:]).unlink()
    with pytest.raises(StorageError, match="is lost"):
        littered.collect()
    assert littered.chunks.has(LEFT)


def test_versions_of_another_store_hinder_nobody(
    littered: Datasets, database: StateDatabase, lineage: MemoryLineage, tmp_path: Path, folder: Path
) -> None:
    other = Datasets(database, root=tmp_path / "other store", lineage=lineage)
    other.snapshot(write(tmp_path / "other", {"a.csv": "x\n7\n"}), "shop")
    assert littered.collect() == 16


def test_a_store_that_was_moved_keeps_its_versions(
    littered: Datasets, database: StateDatabase, lineage: MemoryLineage, tmp_path: Path
) -> None:
    littered.chunks.root.rename(tmp_path / "moved")
    moved = Datasets(database, root=tmp_path / "moved", lineage=lineage, clock=lambda: 2_000_000_000.0)
    assert (moved.collect(), moved.damage(moved.versions())) == (16, [])


def test_a_chunk_that_a_new_version_needs_stays(
    littered: Datasets, database: StateDatabase, root: Path, folder: Path, lineage: MemoryLineage
) -> None:
    """Between listing and deleting, somebody takes a version of what was left."""
    late = Late(database, root=root, lineage=lineage, clock=lambda: 2_000_000_000.0)
    late.in_between = lambda: littered.snapshot(write(folder.parent / "other", {"left": b"left"}), "other")
    late.collect()
    assert littered.damage(littered.versions()) == []


class Late(Datasets):
    """A store in which something happens after garbage was found."""

    in_between: Callable[[], object] = staticmethod(lambda: None)

    def _leftovers(self) -> tuple[list[Kept], InUse]:
        found = super()._leftovers()
        self.in_between()
        return found
