"""Kept closures: written once, read back whole, never trusted when damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cmcore.components.code.closure import CodeDigest, code_digest
from cmcore.components.code.keep import keep_closure, rebuild
from cmcore.components.code.reference import CodeRef
from cmcore.errors import NotFoundError, StorageError

Write = Callable[..., Path]
Digest = Callable[..., CodeDigest]

FILES = {"train.py": "from pkg import a\n# a remark\n", "pkg/__init__.py": "", "pkg/a.py": "X = 1\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


@pytest.fixture
def kept(write: Write, digest: Digest, folder: Path) -> CodeDigest:
    write(FILES)
    keep_closure(digest(), folder)
    return digest()


def test_kept_code_is_rebuilt_to_the_byte(kept: CodeDigest, folder: Path, tmp_path: Path) -> None:
    rebuild(folder, kept.digest, tmp_path / "old")
    assert {name: (tmp_path / "old" / name).read_text() for name in FILES} == FILES


def test_rebuilt_code_has_the_digest_it_was_kept_under(kept: CodeDigest, folder: Path, tmp_path: Path) -> None:
    rebuild(folder, kept.digest, tmp_path / "old")
    assert code_digest(CodeRef("train:fit"), roots=[tmp_path / "old"], path=[]).digest == kept.digest


def test_an_old_version_outlives_the_edit(kept: CodeDigest, write: Write, folder: Path, tmp_path: Path) -> None:
    write({"pkg/a.py": "X = 2\n"})
    rebuild(folder, kept.digest, tmp_path / "old")
    assert (tmp_path / "old/pkg/a.py").read_text() == FILES["pkg/a.py"]


def test_keeping_twice_is_the_same_as_once(kept: CodeDigest, folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    keep_closure(kept, folder)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_file_edited_since_its_digest_is_refused(write: Write, digest: Digest, folder: Path) -> None:
    write(FILES)
    taken = digest()
    write({"pkg/a.py": "X = 2\n"})
    with pytest.raises(StorageError, match=r"a\.py .* edited since; run again"):
        keep_closure(taken, folder)


def test_a_file_deleted_since_its_digest_is_refused(root: Path, write: Write, digest: Digest, folder: Path) -> None:
    write(FILES)
    taken = digest()
    (root / "pkg/a.py").unlink()
    with pytest.raises(StorageError, match=r"a\.py was to be kept"):
        keep_closure(taken, folder)


def test_a_refused_closure_has_no_listing(write: Write, digest: Digest, folder: Path) -> None:
    write(FILES)
    taken = digest()
    write({"train.py": "X = 2\n"})
    with pytest.raises(StorageError):
        keep_closure(taken, folder)
    assert not list(folder.glob("*.json"))


def test_code_that_was_never_kept_is_not_found(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="keeps no such closure"):
        rebuild(folder, "sha256:0", tmp_path / "old")


def test_a_damaged_copy_is_refused_before_anything_is_written(kept: CodeDigest, folder: Path, tmp_path: Path) -> None:
    copy = next(path for path in folder.iterdir() if path.suffix != ".json" and path.read_text() == FILES["pkg/a.py"])
    copy.write_text("X = 3\n")
    with pytest.raises(StorageError, match=r"'pkg/a\.py'.*is damaged"):
        rebuild(folder, kept.digest, tmp_path / "old")
    assert not (tmp_path / "old").exists()


def test_a_lost_copy_is_named(kept: CodeDigest, folder: Path, tmp_path: Path) -> None:
    next(path for path in folder.iterdir() if path.suffix != ".json" and path.read_text() == FILES["pkg/a.py"]).unlink()
    with pytest.raises(StorageError, match=r"'pkg/a\.py' cannot be read"):
        rebuild(folder, kept.digest, tmp_path / "old")


def test_a_damaged_listing_is_refused(kept: CodeDigest, folder: Path, tmp_path: Path) -> None:
    next(folder.glob("*.json")).write_text("{")
    with pytest.raises(StorageError, match="is damaged"):
        rebuild(folder, kept.digest, tmp_path / "old")


@pytest.mark.parametrize("name", ["../out.py", "/out.py"])
def test_a_listing_that_leads_out_of_the_folder_is_refused(
    kept: CodeDigest, folder: Path, tmp_path: Path, name: str
) -> None:
    listing = next(folder.glob("*.json"))
    listing.write_text(listing.read_text().replace('"train.py"', f'"{name}"'))
    with pytest.raises(StorageError, match="leads out of the folder"):
        rebuild(folder, kept.digest, tmp_path / "old")


def test_a_file_in_the_way_is_not_overwritten(kept: CodeDigest, folder: Path, tmp_path: Path, write: Write) -> None:
    old = write({"train.py": "mine"}, tmp_path / "old")
    with pytest.raises(StorageError, match="in the way"):
        rebuild(folder, kept.digest, old)
