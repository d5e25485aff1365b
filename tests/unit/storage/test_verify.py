"""How closely a payload is looked at, and which difference is named."""

from __future__ import annotations

import pytest

from cmcore.storage.manifest import FileEntry, Manifest
from cmcore.storage.place import Observed
from cmcore.storage.verify import AUTO_LIMIT_BYTES, VerifyMode, difference, reads_content


def manifest(size: int = 1, stamp: str = "t") -> Manifest:
    return Manifest(files=(FileEntry(path="a", size=size, sha256=""),), stamps=(stamp,))


def seen(path: str = "a", size: int = 1, stamp: str = "t") -> Observed:
    return Observed(path=path, size=size, stamp=stamp)


@pytest.mark.parametrize(
    ("mode", "size", "expected"),
    [
        (VerifyMode.AUTO, AUTO_LIMIT_BYTES - 1, True),
        (VerifyMode.AUTO, AUTO_LIMIT_BYTES, False),
        (VerifyMode.DIGEST, AUTO_LIMIT_BYTES, True),
    ],
)
def test_small_payloads_are_read_and_large_ones_on_request(mode: VerifyMode, size: int, expected: bool) -> None:
    assert reads_content(mode, manifest(size)) is expected


def test_without_stamps_there_is_nothing_to_trust() -> None:
    bare = Manifest(files=manifest(AUTO_LIMIT_BYTES).files)
    assert reads_content(VerifyMode.AUTO, bare)


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        ([seen()], ""),
        ([], "'a' is missing"),
        ([seen(size=2)], "'a' has 2 bytes, was sealed with 1"),
        ([seen(stamp="u")], "'a' was changed at u, was sealed at t"),
        ([seen(), seen("b")], "'b' was not there when it was sealed"),
    ],
)
def test_the_first_difference_is_named_with_both_values(observed: list[Observed], expected: str) -> None:
    assert difference(manifest(), observed, stamps=True) == expected


def test_stamps_count_only_where_they_are_trusted() -> None:
    assert difference(manifest(), [seen(stamp="u")], stamps=False) == ""
