"""What became of files between two versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.datasets.difference import Change, FileChange, difference
from cmcore.datasets.manifest import Chunk, DataEntry, DataManifest, name_of

Content = dict[str, list[bytes]]
CONTENTS = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from([b"1", b"22", b"333"]), max_size=3))


def manifest(content: Content, *, executable: bool = False) -> DataManifest:
    return DataManifest.of(
        DataEntry(
            path=path,
            size=sum(map(len, pieces)),
            sha256=name_of(b"".join(pieces)),
            executable=executable,
            rows=len(pieces),
            chunks=tuple(Chunk(sha256=name_of(piece), size=len(piece)) for piece in pieces),
        )
        for path, pieces in content.items()
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"a": [b"1"]}, FileChange(change=Change.ADDED, path="a", size=1, rows=1)),
        ({"a": [b"1"]}, {}, FileChange(change=Change.REMOVED, path="a", old_size=1, old_rows=1)),
        (
            {"a": [b"1"]}, {"a": [b"1", b"22"]},
            FileChange(change=Change.CHANGED, path="a", size=3, old_size=1, rows=2, old_rows=1),
        ),
        (
            {"a": [b"1"]}, {"b": [b"1"]},
            FileChange(change=Change.RENAMED, path="b", old_path="a", size=1, old_size=1, rows=1, old_rows=1),
        ),
    ],
)  # fmt: skip
def test_a_file_is(old: Content, new: Content, expected: FileChange) -> None:
    assert difference(manifest(old), manifest(new)).changes == (expected,)


def test_a_file_that_may_be_executed_now_is_changed() -> None:
    found = difference(manifest({"a": [b"1"]}), manifest({"a": [b"1"]}, executable=True))
    assert (found.count(Change.CHANGED), found.same) == (1, 0)


def test_empty_files_are_not_renamed() -> None:
    found = difference(manifest({"a": []}), manifest({"b": []}))
    assert [change.change for change in found.changes] == [Change.REMOVED, Change.ADDED]


def test_a_copy_is_added_and_not_renamed() -> None:
    found = difference(manifest({"a": [b"1"]}), manifest({"a": [b"1"], "b": [b"1"]}))
    assert [(change.change, change.path) for change in found.changes] == [(Change.ADDED, "b")]


def test_rows_that_came_and_went_are_counted() -> None:
    found = difference(manifest({"a": [b"1", b"22", b"333"]}), manifest({"a": [b"1"]}))
    assert found.changes[0].more_rows == -2


def test_shared_bytes_are_those_of_shared_chunks() -> None:
    found = difference(manifest({"a": [b"1", b"22"]}), manifest({"a": [b"22", b"333"]}))
    assert (found.shared, found.shared_percent) == (2, 40.0)


@given(CONTENTS)
def test_nothing_differs_from_itself(content: Content) -> None:
    found = difference(manifest(content), manifest(content))
    assert (found.changes, found.same, found.shared_percent) == ((), len(content), 100.0)


@given(CONTENTS, CONTENTS)
def test_every_file_is_accounted_for_once(old: Content, new: Content) -> None:
    found = difference(manifest(old), manifest(new))
    come = found.count(Change.ADDED) + found.count(Change.RENAMED) + found.count(Change.CHANGED) + found.same
    gone = found.count(Change.REMOVED) + found.count(Change.RENAMED) + found.count(Change.CHANGED) + found.same
    assert (come, gone) == (len(new), len(old))
