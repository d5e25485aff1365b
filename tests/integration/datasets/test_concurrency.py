"""Eight processes at once, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from cmcore.datasets.folder import files_of
from cmcore.datasets.taking import taken
from tests.integration.datasets import work

pytestmark = pytest.mark.integration
Start = Callable[..., "Popen[str]"]
Table = Callable[[int], bytes]


@pytest.fixture
def folders(tmp_path: Path, table: Table) -> list[Path]:
    """Eight folders with different data, a quarter of which all have."""
    made = [tmp_path / f"folder-{number}" for number in range(8)]
    shared = table(99)[: 1 << 20]
    for number, folder in enumerate(made):
        folder.mkdir()
        (folder / "shared.csv").write_bytes(shared)
        (folder / "own.csv").write_bytes(table(number))
    return made


def answers(processes: list[Popen[str]]) -> list[int]:
    work.go(*processes)
    return sorted(int(process.communicate(timeout=120)[0]) for process in processes)


def test_versions_are_dense_and_each_process_has_one(home: Path, url: str, start: Start, folders: list[Path]) -> None:
    assert answers([start("snapshot", folder) for folder in folders]) == list(range(1, 9))
    with work.opened(home, url) as datasets:
        versions = datasets.versions("shop")
        assert [version.version for version in versions] == list(range(8, 0, -1))
        assert {Path(version.message) for version in versions} == set(folders)
        assert datasets.damage(versions) == []


def test_equal_data_become_one_version(home: Path, url: str, start: Start, folders: list[Path]) -> None:
    assert answers([start("snapshot", folders[0]) for _ in range(8)]) == [1] * 8


def test_tidying_up_meanwhile_takes_nothing_away(home: Path, url: str, start: Start, folders: list[Path]) -> None:
    """What killed snapshots left is there for the new ones to find, and is deleted while they rely on it."""
    with work.opened(home, url) as datasets:
        datasets.snapshot(folders[0], "first")
        manifests = [taken(files_of(folder), datasets.chunks, where="left") for folder in folders]
        age([kept.file for kept in datasets.chunks.everything()])
    snapshots = [start("snapshot", folder) for folder in folders]
    tidy = start("collect")
    try:
        work.go(tidy)
        assert answers(snapshots) == list(range(1, 9))
    finally:
        tidy.kill()
        tidy.communicate()
    with work.opened(home, url) as datasets:
        assert datasets.damage(datasets.versions()) == []
        assert {it.digest for it in datasets.versions()} == {manifest.digest for manifest in manifests}


def age(files: list[Path]) -> None:
    for file in files:
        os.utime(file, (time.time() - work.HOURS_LATER_S,) * 2)
