"""A manifest stands for content alone, and is stored and read without loss."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cmcore.errors import StorageError
from cmcore.storage.manifest import FileEntry, Manifest

NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1), min_size=1)
PATHS = NAMES.map("/".join).filter(lambda path: not {".", ".."} & set(path.split("/")))
ENTRIES = st.builds(
    FileEntry, path=PATHS, size=st.integers(0, 1 << 60), sha256=st.binary().map(lambda b: sha256(b).hexdigest())
)
FILES = st.lists(st.tuples(ENTRIES, st.text(max_size=5)), unique_by=lambda pair: pair[0].path)


def entry(path: str = "a", content: bytes = b"1") -> FileEntry:
    return FileEntry(path=path, size=len(content), sha256=sha256(content).hexdigest())


@given(FILES)
def test_what_was_encoded_is_parsed(files: list[tuple[FileEntry, str]]) -> None:
    manifest = Manifest.of(files)
    assert Manifest.parse(manifest.encode(), "x") == manifest


@given(FILES.flatmap(lambda files: st.tuples(st.just(files), st.permutations(files))))
def test_the_order_of_the_files_does_not_matter(
    pair: tuple[list[tuple[FileEntry, str]], list[tuple[FileEntry, str]]],
) -> None:
    assert Manifest.of(pair[0]) == Manifest.of(pair[1])


@given(FILES, FILES)
def test_digests_are_equal_exactly_when_the_files_are(
    one: list[tuple[FileEntry, str]], other: list[tuple[FileEntry, str]]
) -> None:
    first, second = Manifest.of(one), Manifest.of(other)
    assert (first.digest == second.digest) == (first.files == second.files)


def test_stamps_are_not_part_of_the_digest() -> None:
    assert Manifest.of([(entry(), "1")]).digest == Manifest.of([(entry(), "2")]).digest


@pytest.mark.parametrize("other", [entry("b"), entry("a", b"2")])
def test_path_and_content_are_part_of_the_digest(other: FileEntry) -> None:
    assert Manifest.of([(entry(), "")]).digest != Manifest.of([(other, "")]).digest


def test_the_digest_is_the_documented_one() -> None:
    expected = sha256(b"cmcore payload 1\0" + f"{entry().sha256} 1 a\0".encode()).hexdigest()
    assert Manifest.of([(entry(), "")]).digest == f"sha256:{expected}"


def test_an_empty_payload_has_a_digest() -> None:
    assert Manifest().digest == f"sha256:{sha256(b'cmcore payload 1' + bytes(1)).hexdigest()}"


def test_the_total_size_is_that_of_all_files() -> None:
    assert Manifest.of([(entry("a", b"12"), ""), (entry("b", b"345"), "")]).total_size == 5


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Invalid JSON"),
        (b"\0" * 64, "Invalid JSON"),
        (b'{"version":2}', "should be 1"),
        (b'{"later":1}', "not permitted"),
        (b'{"files":[{"path":"a","size":"1","sha256":""}]}', "valid integer"),
        (b'{"stamps":["1"]}', "1 stamps for 0 files"),
        (b'{"files":[{"path":"a","size":1,"sha256":""},{"path":"a","size":1,"sha256":""}]}', "listed twice"),
    ],
)
def test_a_damaged_manifest_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(StorageError, match=f"'place' is damaged.*{reason}"):
        Manifest.parse(content, "place")


@pytest.mark.parametrize("path", ["../x", "/x", "a//b", ""])
def test_a_manifest_cannot_name_files_elsewhere(path: str) -> None:
    with pytest.raises(StorageError, match="cannot name a file"):
        Manifest.parse(Manifest(files=(entry(path),)).encode(), "place")


def test_a_manifest_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Manifest().files = ()  # type: ignore[misc] # that it is refused is the claim
