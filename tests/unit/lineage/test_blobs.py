"""Blobs in a folder: kept by digest, never half written."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmcore.errors import LineageError
from cmcore.lineage.blobs import Blobs, FolderBlobs, MemoryBlobs

ABSENT = f"sha256:{'0' * 64}"


@pytest.fixture(params=["memory", "folder"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    stores: dict[str, Blobs] = {"memory": MemoryBlobs(), "folder": FolderBlobs(tmp_path / "blobs")}
    return stores[request.param]


def test_what_was_put_is_got(blobs: Blobs) -> None:
    assert blobs.get(blobs.put(b"content")) == b"content"


def test_putting_twice_gives_one_digest(blobs: Blobs) -> None:
    assert blobs.put(b"content") == blobs.put(b"content")


def test_an_absent_blob_is_named(blobs: Blobs) -> None:
    with pytest.raises(LineageError, match=ABSENT):
        blobs.get(ABSENT)


def test_a_damaged_blob_is_not_given_out(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    digest = blobs.put(b"content")
    next(path for path in tmp_path.rglob("*") if path.is_file()).write_bytes(b"contenT")
    with pytest.raises(LineageError, match="damaged"):
        blobs.get(digest)


def test_nothing_but_the_blob_is_left_behind(tmp_path: Path) -> None:
    FolderBlobs(tmp_path).put(b"content")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "md5:" + "0" * 64, "sha256:" + "/" * 64])
def test_only_digests_are_looked_up(tmp_path: Path, digest: str) -> None:
    with pytest.raises(LineageError, match="not a blob's digest"):
        FolderBlobs(tmp_path).get(digest)


def test_a_folder_that_cannot_be_made_is_a_lineage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LineageError, match="cannot keep blob"):
        FolderBlobs(tmp_path / "file").put(b"content")
