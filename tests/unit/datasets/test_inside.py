"""Writing into a folder never leaves it."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from cmcore.datasets.inside import STAGING, Inside, inside
from cmcore.errors import StorageError
from tests.unit.datasets.folders import read


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "outer").mkdir()
    (tmp_path / "outer" / "precious").write_bytes(b"precious")
    return tmp_path / "inner"


def place(where: Inside, path: str, content: bytes = b"rows", *, executable: bool = False) -> None:
    with where.staged(path, executable=executable) as descriptor:
        os.write(descriptor, content)
    where.move_in(path)


def test_a_file_gets_its_place(folder: Path) -> None:
    with inside(folder) as where:
        place(where, "a/b/c.csv")
    assert read(folder) == {"a/b/c.csv": b"rows"}


def test_nothing_stays_of_a_file_that_could_not_be_written(folder: Path) -> None:
    with inside(folder) as where, pytest.raises(ZeroDivisionError), where.staged("a", executable=False):
        raise ZeroDivisionError
    assert list(folder.iterdir()) == []


def test_what_may_be_executed_may_be_so_there(folder: Path) -> None:
    with inside(folder) as where:
        place(where, "run", executable=True)
        place(where, "data")
    assert [(folder / name).stat().st_mode & 0o100 for name in ("run", "data")] == [0o100, 0]


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "a").symlink_to(tmp_path / "outer" / "precious")
    with inside(folder) as where:
        place(where, "a")
    assert (read(tmp_path / "outer"), read(folder)) == ({"precious": b"precious"}, {"a": b"rows"})


@pytest.mark.parametrize("path", ["link/precious", "link/new", "link/deeper/new"])
def test_a_link_in_the_place_of_a_folder_is_refused(folder: Path, tmp_path: Path, path: str) -> None:
    (folder / "link").symlink_to(tmp_path / "outer")
    with inside(folder) as where, pytest.raises(StorageError, match=r"'link'.*is a link"):
        place(where, path)
    assert read(tmp_path / "outer") == {"precious": b"precious"}


def test_a_link_that_is_planted_meanwhile_is_refused(folder: Path, tmp_path: Path) -> None:
    with inside(folder) as where:
        with where.staged("sub/precious", executable=False) as descriptor:
            os.write(descriptor, b"rows")
        (folder / "sub").symlink_to(tmp_path / "outer")
        with pytest.raises(StorageError, match="is a link"):
            where.move_in("sub/precious")
    assert read(tmp_path / "outer") == {"precious": b"precious"}


def test_nothing_is_deleted_behind_a_link(folder: Path, tmp_path: Path) -> None:
    (folder / "link").symlink_to(tmp_path / "outer")
    with inside(folder) as where, pytest.raises(StorageError, match="is a link"):
        where.remove("link/precious")
    assert read(tmp_path / "outer") == {"precious": b"precious"}


def test_a_link_as_the_folder_itself_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(StorageError, match="cannot write to"), inside(tmp_path / "link"):
        pass


def test_a_link_in_the_place_of_the_staging_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / STAGING).symlink_to(tmp_path / "outer")
    with pytest.raises(StorageError, match="is a link"), inside(folder):
        pass


def test_a_link_in_the_place_of_a_staged_file_is_not_written_through(folder: Path, tmp_path: Path) -> None:
    (folder / STAGING).mkdir()
    (folder / STAGING / sha256(b"a").hexdigest()).symlink_to(tmp_path / "outer" / "precious")
    with inside(folder) as where:
        assert not where.is_staged("a", sha256(b"precious").hexdigest())
        place(where, "a")
    assert (read(tmp_path / "outer"), read(folder)) == ({"precious": b"precious"}, {"a": b"rows"})


def test_a_file_of_two_names_does_not_count_as_staged(folder: Path, tmp_path: Path) -> None:
    (folder / STAGING).mkdir()
    (folder / STAGING / sha256(b"a").hexdigest()).hardlink_to(tmp_path / "outer" / "precious")
    with inside(folder) as where:
        assert not where.is_staged("a", sha256(b"precious").hexdigest())


def test_what_an_earlier_try_has_written_counts(folder: Path) -> None:
    (folder / STAGING).mkdir()
    (folder / STAGING / sha256(b"a").hexdigest()).write_bytes(b"rows")
    with inside(folder) as where:
        assert where.is_staged("a", sha256(b"rows").hexdigest())


def test_half_of_it_does_not(folder: Path) -> None:
    (folder / STAGING).mkdir()
    (folder / STAGING / sha256(b"a").hexdigest()).write_bytes(b"ro")
    with inside(folder) as where:
        assert not where.is_staged("a", sha256(b"rows").hexdigest())


def test_folders_go_with_their_last_file(folder: Path) -> None:
    with inside(folder) as where:
        place(where, "a/b/c")
        place(where, "a/d")
        where.remove("a/b/c")
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) == ["a", "a/d"]


def test_two_at_once_are_refused(folder: Path) -> None:
    with inside(folder), pytest.raises(StorageError, match="another process writes to"), inside(folder):
        pass
