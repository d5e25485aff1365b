"""Finished shards between attempts: whole or absent, tidied by one at a time."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from cmcore_models.batch.finished import alone_in, found, hand_over, keep, record_file, shard_file, tidy
from cmcore_models.batch.shards import Shard

SHARD = Shard(number=3, file="/rows/one.parquet", name="one.parquet", first=0, stop=5, digest="ab12")


def no_wait() -> None:
    raise AssertionError("nobody else holds the folder")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "x.part").write_bytes(b"rows")
    keep(tmp_path / "x.part", tmp_path, SHARD.digest, 5, 1, "row 2")
    return tmp_path


def test_a_shard_that_is_kept_is_found(folder: Path) -> None:
    done = found(folder, SHARD)
    assert done is not None
    assert (done.rows_in, done.rows_out, done.bad_rows, done.first_bad) == (5, 5, 1, "row 2")


DAMAGE: list[Callable[[Path], object]] = [
    lambda folder: shard_file(folder, "ab12").write_bytes(b"rowz"),
    lambda folder: shard_file(folder, "ab12").unlink(),
    lambda folder: record_file(folder, "ab12").write_bytes(b'{"rows_in": 5'),
    lambda folder: record_file(folder, "ab12").unlink(),
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_shard_that_is_damaged_is_not(folder: Path, damage: Callable[[Path], object]) -> None:
    damage(folder)
    assert found(folder, SHARD) is None


def test_a_shard_is_handed_over_without_a_copy(folder: Path, tmp_path: Path) -> None:
    (target := tmp_path / "output").mkdir()
    hand_over(folder, SHARD, target)
    assert (target / "part-00003.parquet").stat().st_ino == shard_file(folder, SHARD.digest).stat().st_ino


def test_a_shard_is_copied_where_there_are_no_links(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", refused)
    (target := tmp_path / "output").mkdir()
    hand_over(folder, SHARD, target)
    assert (target / "part-00003.parquet").read_bytes() == b"rows"


def test_half_written_files_go_when_somebody_begins(folder: Path) -> None:
    (folder / "y.part").touch()
    with alone_in(folder, no_wait):
        assert sorted(path.name for path in folder.iterdir()) == [".lock", "ab12.json", "ab12.parquet"]


def test_who_waits_gets_a_folder_that_was_tidied_away_anew(tmp_path: Path) -> None:
    folder, waiting, went_in = tmp_path / "work", Event(), Event()

    def second() -> None:
        with alone_in(folder, waiting.set):
            (folder / "mine").touch()
            went_in.set()

    thread = Thread(target=second)
    with alone_in(folder, no_wait):
        thread.start()
        assert waiting.wait(10)
        assert not went_in.is_set()
        tidy(folder)
    thread.join(10)
    assert (folder / "mine").exists()


def test_who_waits_may_give_up(tmp_path: Path) -> None:
    def give_up() -> None:
        raise TimeoutError

    with alone_in(tmp_path, no_wait), pytest.raises(TimeoutError), alone_in(tmp_path, give_up):
        pass
