"""Snapshots and checkouts that are killed at any moment."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from cmcore.datasets.names import Reference
from cmcore.datasets.recording import recorded
from cmcore.lineage.open import open_lineage
from tests.integration.datasets import work

pytestmark = pytest.mark.integration
Start = Callable[..., "Popen[str]"]
Table = Callable[[int], bytes]


@pytest.fixture
def url(home: Path) -> str:
    return f"sqlite:///{home}/state.db"


@pytest.mark.parametrize("seed", range(30))
def test_a_killed_snapshot_does_no_damage_and_can_be_taken_again(
    home: Path, url: str, start: Start, table: Table, tmp_path: Path, seed: int
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.csv").write_bytes(table(0))
    with work.opened(home, url) as datasets:
        datasets.snapshot(folder, "shop")
    (folder / "b.csv").write_bytes(table(seed + 1))
    process = start("snapshot", folder)
    work.go(process)
    time.sleep(random.Random(seed).uniform(0, 0.12))
    process.kill()
    process.communicate()
    with work.opened(home, url, work.later) as datasets:
        assert datasets.damage(datasets.versions()) == []
        version = datasets.snapshot(folder, "shop").version
        datasets.collect()
        assert (version.version, datasets.garbage(), datasets.damage(datasets.versions())) == (2, [], [])
        datasets.checkout(version, tmp_path / "out")
    lineage = open_lineage(f"sqlite:///{home}/metadata.db", home / "blobs")
    assert [recorded(lineage, Reference.parse(text)) is not None for text in ("shop@1", "shop@2")] == [True, True]
    lineage.close()
    assert (tmp_path / "out" / "b.csv").read_bytes() == table(seed + 1)


@pytest.fixture
def versions(home: Path, url: str, table: Table, tmp_path: Path) -> list[dict[str, bytes]]:
    """Two versions of five tables, of which the second has four others."""
    contents = [{f"{number}.csv": table(number) for number in numbers} for numbers in (range(5), range(4, 9))]
    with work.opened(home, url) as datasets:
        for number, content in enumerate(contents):
            folder = tmp_path / f"source-{number}"
            folder.mkdir()
            for name, held in content.items():
                (folder / name).write_bytes(held)
            datasets.snapshot(folder, "shop")
    return contents


def read(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


@pytest.mark.parametrize("seed", range(10))
def test_a_killed_checkout_into_a_new_folder_shows_all_or_nothing(
    home: Path, url: str, start: Start, versions: list[dict[str, bytes]], tmp_path: Path, seed: int
) -> None:
    out = tmp_path / "new" / "out"
    process = start("checkout", out, "shop@1")
    work.go(process)
    time.sleep(random.Random(seed).uniform(0, 0.1))
    process.kill()
    process.communicate()
    assert not out.exists() or read(out) == versions[0]
    with work.opened(home, url) as datasets:
        datasets.checkout(datasets.get(Reference.parse("shop@1")), out)
    assert (read(out), [path.name for path in out.parent.iterdir()]) == (versions[0], ["out"])


@pytest.mark.parametrize("seed", range(10))
def test_a_killed_checkout_over_another_version_leaves_whole_files(
    home: Path, url: str, start: Start, versions: list[dict[str, bytes]], tmp_path: Path, seed: int
) -> None:
    with work.opened(home, url) as datasets:
        datasets.checkout(datasets.get(Reference.parse("shop@1")), tmp_path / "out")
    process = start("checkout", tmp_path / "out", "shop@2")
    work.go(process)
    time.sleep(random.Random(seed).uniform(0, 0.12))
    process.kill()
    process.communicate()
    assert read(tmp_path / "out").items() <= {**versions[0], **versions[1]}.items()
    with work.opened(home, url) as datasets:
        datasets.checkout(datasets.get(Reference.parse("shop@2")), tmp_path / "out")
    assert read(tmp_path / "out") == versions[1]
    assert not (tmp_path / "out" / ".cm-checkout").exists()
