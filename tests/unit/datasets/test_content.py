"""Files put together from their chunks."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmcore.datasets.chunks import ChunkStore
from cmcore.datasets.content import files_in, opened
from cmcore.datasets.file import DataFile
from cmcore.datasets.manifest import Chunk, DataEntry, name_of
from cmcore.datasets.taking import looked_at, taken
from cmcore.errors import StorageError

Seek = tuple[int, int]


def entry(chunks: ChunkStore, pieces: list[bytes]) -> DataEntry:
    kept = [Chunk(sha256=name_of(piece), size=len(piece)) for piece in pieces]
    for chunk, piece in zip(kept, pieces, strict=True):
        chunks.put(chunk, piece)
    content = b"".join(pieces)
    return DataEntry(path="a", size=len(content), sha256=name_of(content), chunks=tuple(kept))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=9), max_size=5),
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=5),
)
def test_a_file_reads_like_its_bytes(chunks: ChunkStore, pieces: list[bytes], reads: list[Seek]) -> None:
    whole = io.BytesIO(b"".join(pieces))
    with opened(entry(chunks, pieces), chunks) as stream:
        assert [(stream.seek(at), stream.read(count)) for at, count in reads] == [
            (whole.seek(at), whole.read(count)) for at, count in reads
        ]
        assert (stream.seek(0), stream.read()) == (0, b"".join(pieces))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(st.sampled_from(["a.csv", "b/c", "ü"]), st.tuples(st.binary(max_size=99), st.integers(0, 5000))))
def test_what_was_taken_is_given_back(chunks: ChunkStore, content: dict[str, tuple[bytes, int]]) -> None:
    whole = {path: pattern * times for path, (pattern, times) in content.items()}
    files = [DataFile(path=path, size=len(it), open=lambda it=it: io.BytesIO(it)) for path, it in whole.items()]  # type: ignore[misc] # the default binds it
    manifest = taken(files, chunks, where="memory")
    assert {file.path: file.open().read() for file in files_in(manifest, chunks)} == whole
    assert looked_at(files_in(manifest, chunks), where="chunks") == manifest


def test_the_end_can_be_sought_from(chunks: ChunkStore) -> None:
    with opened(entry(chunks, [b"abc", b"def"]), chunks) as stream:
        stream.seek(-2, io.SEEK_END)
        assert stream.read() == b"ef"


def test_a_place_before_the_beginning_is_refused(chunks: ChunkStore) -> None:
    with opened(entry(chunks, [b"abc"]), chunks) as stream, pytest.raises(ValueError, match="no place -1"):
        stream.seek(-1)


def test_a_lost_chunk_is_said_when_it_is_reached(chunks: ChunkStore, root: Path) -> None:
    file = entry(chunks, [b"abc", b"def"])
    (root / "chunks" / name_of(b"def")[:2] / name_of(b"def")[2:]).unlink()
    with opened(file, chunks) as stream, pytest.raises(StorageError, match="is lost"):
        stream.read()
