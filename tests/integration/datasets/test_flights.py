"""A year of flights: what a version costs that hardly differs from the one before."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from filecmp import cmpfiles
from pathlib import Path
from shutil import copytree

import pytest

from cmcore.datasets.store import Datasets
from tests.integration.datasets import work

pytestmark = pytest.mark.integration
PREPARE = Path(__file__).parents[3] / "examples" / "flights" / "prepare.py"
FLIGHTS = 336_776


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve CSV files of 37 MB together."""
    folder = tmp_path_factory.mktemp("flights")
    subprocess.run([sys.executable, str(PREPARE), str(folder)], check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture
def flights(prepared: Path, tmp_path: Path) -> Path:
    return copytree(prepared, tmp_path / "flights")


@pytest.fixture
def datasets(home: Path) -> Iterator[Datasets]:
    with work.opened(home, f"sqlite:///{home}/state.db") as datasets:
        yield datasets


def stored(datasets: Datasets) -> int:
    return sum(kept.size for kept in datasets.chunks.everything())


def test_every_flight_is_counted(datasets: Datasets, flights: Path) -> None:
    assert datasets.snapshot(flights, "flights").version.rows == FLIGHTS


def test_a_version_costs_no_more_than_its_bytes(datasets: Datasets, flights: Path) -> None:
    version = datasets.snapshot(flights, "flights").version
    assert stored(datasets) < version.size * 1.002


def test_appended_rows_cost_a_few_chunks(datasets: Datasets, flights: Path) -> None:
    datasets.snapshot(flights, "flights")
    before, file = stored(datasets), flights / "flights-12.csv"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines + lines[1:1001]))
    assert datasets.snapshot(flights, "flights").version.rows == FLIGHTS + 1000
    assert stored(datasets) - before < 600_000


def test_a_row_in_the_middle_costs_a_few_chunks(datasets: Datasets, flights: Path) -> None:
    datasets.snapshot(flights, "flights")
    before, file = stored(datasets), flights / "flights-6.csv"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:14_000], lines[5], *lines[14_000:]]))
    datasets.snapshot(flights, "flights")
    assert stored(datasets) - before < 600_000


def test_a_renamed_file_costs_its_name(datasets: Datasets, flights: Path) -> None:
    datasets.snapshot(flights, "flights")
    before = stored(datasets)
    (flights / "flights-12.csv").rename(flights / "december.csv")
    datasets.snapshot(flights, "flights")
    assert stored(datasets) - before < 60_000


def test_a_checkout_is_equal_byte_for_byte(datasets: Datasets, flights: Path, tmp_path: Path) -> None:
    version = datasets.snapshot(flights, "flights").version
    datasets.checkout(version, tmp_path / "out")
    names = [file.name for file in flights.iterdir()]
    assert cmpfiles(flights, tmp_path / "out", names, shallow=False)[1:] == ([], [])
    assert len(list((tmp_path / "out").iterdir())) == 12
