"""Chunks on a disk: kept once, whole or not at all, and nobody else's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cmcore.datasets.chunks import ChunkStore
from cmcore.datasets.manifest import Chunk, DataManifest, name_of
from cmcore.errors import StorageError

ROWS = Chunk(sha256=name_of(b"rows"), size=4)


def files(root: Path) -> list[Path]:
    return [file for file in root.rglob("*") if file.is_file() and file.name != "owner"]


def test_a_chunk_is_read_as_it_was_put(chunks: ChunkStore) -> None:
    chunks.put(ROWS, b"rows")
    assert chunks.read(ROWS) == b"rows"


def test_putting_twice_is_the_same_as_once(chunks: ChunkStore, root: Path) -> None:
    chunks.put(ROWS, b"rows")
    chunks.put(ROWS, b"rows")
    assert len(files(root)) == 1


def test_it_has_what_was_put(chunks: ChunkStore) -> None:
    assert not chunks.has(ROWS)
    chunks.put(ROWS, b"rows")
    assert chunks.has(ROWS)


def test_a_chunk_that_is_too_short_is_missing(chunks: ChunkStore, root: Path) -> None:
    chunks.put(ROWS, b"rows")
    os.truncate(files(root)[0], 3)
    assert chunks.missing([ROWS, ROWS]) == [ROWS]


def test_chunks_cannot_be_written_to(chunks: ChunkStore, root: Path) -> None:
    chunks.put(ROWS, b"rows")
    assert not files(root)[0].stat().st_mode & 0o222


def test_a_damaged_chunk_is_not_handed_out(chunks: ChunkStore, root: Path) -> None:
    chunks.put(ROWS, b"rows")
    files(root)[0].chmod(0o644)
    files(root)[0].write_bytes(b"cows")
    with pytest.raises(StorageError, match=r"is damaged.*snapshot the same files again"):
        chunks.read(ROWS)


def test_a_lost_chunk_is_named(chunks: ChunkStore) -> None:
    with pytest.raises(StorageError, match=rf"{ROWS.sha256[2:]}' is lost"):
        chunks.read(ROWS)


def test_a_manifest_is_read_as_it_was_put(chunks: ChunkStore) -> None:
    manifest = DataManifest.of([])
    assert chunks.read_manifest(chunks.put_manifest(manifest)) == manifest


def test_the_second_owner_is_refused(chunks: ChunkStore, root: Path) -> None:
    with pytest.raises(StorageError, match=r"another state database.*stack\.data"):
        ChunkStore(root).claim("you")


def test_the_same_owner_may_come_again(chunks: ChunkStore, root: Path) -> None:
    ChunkStore(root).claim("me")


def test_reading_makes_nothing(root: Path) -> None:
    assert list(ChunkStore(root).everything()) == []
    assert not root.exists()


def test_everything_is_listed_and_nothing_of_others(chunks: ChunkStore, root: Path) -> None:
    chunks.put(ROWS, b"rows")
    name = chunks.put_manifest(DataManifest.of([]))
    (root / "aside" / "half").write_bytes(b"r")
    (root / "chunks" / "ab").mkdir()
    (root / "chunks" / "ab" / "notes.txt").write_text("mine")
    assert sorted(kept.name for kept in chunks.everything()) == sorted(["", name, ROWS.sha256])


def test_a_place_where_no_folder_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot make the folder"):
        ChunkStore(tmp_path / "file" / "kept").claim("me")


def test_a_full_disk_leaves_nothing(chunks: ChunkStore, root: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from cmcore.datasets.chunks import ChunkStore, Chunk\n"
        "from cmcore.errors import StorageError\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: ChunkStore(Path(sys.argv[1])).put(Chunk('a' * 64, 5000), b'x' * 5000)\n"
        "except StorageError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(root)], check=True, capture_output=True, text=True)
    assert "File too large" in done.stdout
    assert files(root) == []
