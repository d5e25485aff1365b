"""What is refused while files are taken."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from cmcore.datasets.chunks import ChunkStore
from cmcore.datasets.file import DataFile
from cmcore.datasets.folder import files_of
from cmcore.datasets.taking import taken
from cmcore.errors import NotFoundError, StorageError


def file(path: str, content: bytes = b"rows", size: int = 4) -> DataFile:
    return DataFile(path=path, size=size, open=lambda: io.BytesIO(content))


def test_a_file_with_another_size_than_announced_is_refused(chunks: ChunkStore) -> None:
    with pytest.raises(StorageError, match=r"'a' of 'data' had 5 bytes and gave 4"):
        taken([file("a", size=5)], chunks, where="data")


@pytest.mark.parametrize("path", ["../a", "/a", "a\nb", ""])
def test_a_hostile_path_is_refused(chunks: ChunkStore, path: str) -> None:
    with pytest.raises(StorageError):
        taken([file(path)], chunks, where="data")


def test_progress_counts_every_byte(chunks: ChunkStore) -> None:
    counts: list[int] = []
    taken([file("a"), file("b")], chunks, where="data", progress=counts.append)
    assert sum(counts) == 8


def test_what_a_writer_raises_is_raised(chunks: ChunkStore, root: Path) -> None:
    (root / "aside").rmdir()
    with pytest.raises(StorageError, match="cannot write"):
        taken([file("a")], chunks, where="data")


def test_a_link_inside_the_folder_counts_as_its_file(folder: Path) -> None:
    (folder / "link.csv").symlink_to("a.csv")
    assert [it.path for it in files_of(folder)] == ["a.csv", "link.csv", "more/b.csv"]


def test_a_link_out_of_the_folder_is_refused(folder: Path, tmp_path: Path, chunks: ChunkStore) -> None:
    (tmp_path / "secret").write_text("secret")
    (folder / "link.csv").symlink_to(tmp_path / "secret")
    with pytest.raises(StorageError, match="outside"):
        taken(files_of(folder), chunks, where="data")


def test_a_pipe_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(StorageError, match="pipe, socket or device"):
        files_of(folder)


def test_a_path_without_anything_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no"):
        files_of(tmp_path / "missing")


def test_what_may_be_executed_is_known(folder: Path) -> None:
    (folder / "a.csv").chmod(0o755)
    assert [it.executable for it in files_of(folder)] == [True, False]
