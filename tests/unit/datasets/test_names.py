"""What may name a dataset, a version and a file."""

from __future__ import annotations

import pytest

from cmcore.datasets.names import Reference, checked_dataset, checked_file
from cmcore.errors import StorageError, UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flights", Reference(dataset="flights")),
        ("flights@latest", Reference(dataset="flights")),
        ("flights@3", Reference(dataset="flights", version=3)),
        ("flights@span:0", Reference(dataset="flights", span=0)),
        ("2013.flights_of-ny@12345678", Reference(dataset="2013.flights_of-ny", version=12345678)),
    ],
)
def test_a_reference_is_read(text: str, expected: Reference) -> None:
    assert Reference.parse(text) == expected


@pytest.mark.parametrize("text", ["flights@latest", "flights@3", "flights@span:2"])
def test_a_reference_is_written_as_it_was_read(text: str) -> None:
    assert str(Reference.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "@3", "Flights", "flights@0", "flights@03", "flights@-1", "flights@3.0", "flights@span:", "a b", "a@b@c"],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"cannot name a dataset|names no version"):
        Reference.parse(text)


@pytest.mark.parametrize("name", ["a" * 41, "-a", ".a", "a/b", "ä", "a\n", "a@b"])
def test_what_cannot_name_a_dataset_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a dataset"):
        checked_dataset(name)


def test_the_longest_name_is_allowed() -> None:
    assert checked_dataset("a" * 40)


@pytest.mark.parametrize(
    "path", ["", "/a", "../a", "a/../b", "a//b", "a/", ".", "a\nb", "a\0b", "a\x1b[2Jb", "a\udcff"]
)
def test_a_hostile_path_is_refused(path: str) -> None:
    with pytest.raises(StorageError, match="data"):
        checked_file(path, "data")


@pytest.mark.parametrize("path", ["a", "a/b.csv", "größe 1.csv", "..a", "-rf"])
def test_an_unusual_path_is_allowed(path: str) -> None:
    assert checked_file(path, "data") == path
