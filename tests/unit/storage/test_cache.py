"""Local copies: whole and right, or not there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cmcore.errors import StorageError
from cmcore.storage.cache import PayloadCache
from cmcore.storage.errors import DigestMismatchError
from cmcore.storage.manifest import Manifest


@pytest.fixture
def cache(tmp_path: Path) -> PayloadCache:
    return PayloadCache(tmp_path / "cache")


def gives(content: bytes) -> Callable[[Path], None]:
    def fetch(folder: Path) -> None:
        (folder / "f").write_bytes(content)

    return fetch


def digest_in(copy: Path) -> str:
    return copy.parent.name.replace("-", ":")


def test_a_copy_is_found_by_its_digest(cache: PayloadCache) -> None:
    copy = cache.add("s3://x", None, gives(b"1"))
    assert cache.find(digest_in(copy)) == copy


def test_an_unknown_digest_is_not_found(cache: PayloadCache) -> None:
    assert cache.find(Manifest().digest) is None


def test_a_wrong_digest_leaves_nothing(cache: PayloadCache, tmp_path: Path) -> None:
    with pytest.raises(DigestMismatchError, match="recorded was sha256:0"):
        cache.add("s3://x", "sha256:" + "0" * 64, gives(b"1"))
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_failed_fetch_leaves_nothing(cache: PayloadCache, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        cache.add("s3://x", None, lambda folder: (folder / "no such folder/f").touch())
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_damaged_copy_is_made_again(cache: PayloadCache) -> None:
    copy = cache.add("s3://x", None, gives(b"1"))
    (copy / "f").unlink()
    again = cache.add("s3://x", None, gives(b"1"))
    assert (again, (again / "f").read_bytes()) == (copy, b"1")


def test_a_changed_copy_is_not_found(cache: PayloadCache) -> None:
    copy = cache.add("s3://x", None, gives(b"1"))
    (copy / "f").unlink()
    (copy / "f").write_bytes(b"2")
    assert cache.find(digest_in(copy)) is None


def test_many_may_add_the_same_copy_at_once(cache: PayloadCache, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        copies = list(pool.map(lambda _: cache.add("s3://x", None, gives(b"1")), range(8)))
    assert (len(set(copies)), len(list((tmp_path / "cache").iterdir()))) == (1, 1)


def test_a_digest_cannot_lead_out_of_the_cache(cache: PayloadCache) -> None:
    with pytest.raises(StorageError, match="is no payload digest"):
        cache.find("../elsewhere")
