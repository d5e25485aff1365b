"""The list of a version's files: its form, its digest, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.datasets.folder import files_of
from cmcore.datasets.manifest import Chunk, DataEntry, DataManifest
from cmcore.datasets.taking import looked_at
from cmcore.errors import StorageError
from cmcore.storage.store import PayloadStore

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200
)
EMPTY = sha256(b"").hexdigest()


def entry(path: str, content: bytes = b"", rows: int | None = None) -> DataEntry:
    digest = sha256(content).hexdigest()
    chunks = (Chunk(sha256=digest, size=len(content)),) if content else ()
    return DataEntry(path=path, size=len(content), sha256=digest, chunks=chunks, rows=rows)


@given(st.dictionaries(NAMES, st.tuples(st.binary(max_size=5), st.none() | st.integers(0, 9))))
def test_it_is_read_as_it_was_written(files: dict[str, tuple[bytes, int | None]]) -> None:
    manifest = DataManifest.of(entry(path, content, rows) for path, (content, rows) in files.items())
    assert DataManifest.parse(manifest.encode(), "there") == manifest


@given(st.dictionaries(NAMES, st.binary(max_size=100), min_size=1, max_size=4))
def test_its_digest_is_that_of_an_importer_of_the_same_folder(files: Mapping[str, bytes]) -> None:
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        taken = looked_at(files_of(Path(folder)), where=folder)
        assert taken.digest == PayloadStore("/nowhere").fingerprint(Path(folder).as_uri()).digest


def test_its_digest_is_that_of_an_importer_of_the_same_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("x\n1\n")
    fingerprint = PayloadStore("/nowhere").fingerprint(file.as_uri())
    assert looked_at(files_of(file), where="file").digest == fingerprint.digest


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([entry("a.csv", b"1", 2), entry("b.csv", b"2", 3)], 5),
        ([entry("a.csv", b"1", 2), entry("read.me", b"2")], 2),
        ([entry("a.csv", b"1", 2), entry("b.csv", b"2")], None),
        ([entry("read.me", b"1")], None),
        ([], None),
    ],
)
def test_rows_are_known_where_those_of_every_table_are(files: list[DataEntry], expected: int | None) -> None:
    assert DataManifest.of(files).rows == expected


def damaged(**changes: object) -> bytes:
    file = {"path": "a", "size": 1, "sha256": EMPTY, "chunks": [[EMPTY, 1]], **changes}
    return json.dumps({"format": "cmcore data 1", "files": [file]}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"format": "cmcore data 2", "files": []}',
        damaged(size=2),
        damaged(size=-1),
        damaged(size="1"),
        damaged(sha256="xyz"),
        damaged(sha256=EMPTY + "\n"),
        damaged(chunks=[["../../etc/passwd", 1]]),
        damaged(chunks=[[EMPTY, 1], [EMPTY, 0]]),
        damaged(surplus=1),
    ],
)
def test_a_damaged_one_is_refused(content: bytes) -> None:
    with pytest.raises(StorageError, match="the manifest 'there' is damaged"):
        DataManifest.parse(content, "there")


@pytest.mark.parametrize("path", ["../a", "/a", "", "a\nb", "a\0b", "a/../../b"])
def test_one_with_a_hostile_path_is_refused(path: str) -> None:
    with pytest.raises(StorageError, match=r"cannot name a file|control characters"):
        DataManifest.parse(damaged(path=path), "there")


@pytest.mark.parametrize("paths", [["a", "a"], ["b", "a"]])
def test_files_in_disorder_or_twice_are_refused(paths: list[str]) -> None:
    files = [{"path": path, "size": 0, "sha256": EMPTY} for path in paths]
    with pytest.raises(StorageError, match="not in the order"):
        DataManifest.parse(json.dumps({"format": "cmcore data 1", "files": files}).encode(), "there")


def test_a_path_that_is_a_file_and_a_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="'a/b' is a file and a folder"):
        DataManifest.of([entry("a/b"), entry("a/b/c")])
