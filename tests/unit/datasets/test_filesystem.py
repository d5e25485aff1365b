"""A version as a file system, and as an imported payload."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from cmcore.datasets.filesystem import DataFileSystem
from cmcore.datasets.place import Place
from cmcore.datasets.store import Datasets


@pytest.fixture
def uri(datasets: Datasets, folder: Path) -> str:
    version = datasets.snapshot(folder, "shop").version
    return Place(root=datasets.chunks.root, manifest=version.manifest).uri


@pytest.fixture
def files() -> DataFileSystem:
    return DataFileSystem()


def names(found: Iterable[object], uri: str) -> list[str]:
    return [str(name).removeprefix(uri.removeprefix("cmdata://")) for name in found]


def test_all_files_are_found(files: DataFileSystem, uri: str) -> None:
    assert names(files.find(uri), uri) == ["/a.csv", "/more/b.csv"]


def test_folders_are_listed(files: DataFileSystem, uri: str) -> None:
    assert names(files.ls(uri, detail=False), uri) == ["/a.csv", "/more"]
    assert names(files.ls(f"{uri}/more", detail=False), uri) == ["/more/b.csv"]


def test_a_file_lists_itself(files: DataFileSystem, uri: str) -> None:
    assert names(files.ls(f"{uri}/a.csv", detail=False), uri) == ["/a.csv"]


def test_files_are_read(files: DataFileSystem, uri: str) -> None:
    assert files.cat_file(f"{uri}/more/b.csv") == b"x\n3\n"


def test_files_and_folders_are_told_apart(files: DataFileSystem, uri: str) -> None:
    assert [files.isfile(f"{uri}{path}") for path in ("", "/more", "/a.csv")] == [False, False, True]


@pytest.mark.parametrize("path", ["/missing", "/more/missing", "/a.csv/deeper", "/../owner"])
def test_what_is_not_there_is_not_found(files: DataFileSystem, uri: str, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        files.info(uri + path)
    with pytest.raises(FileNotFoundError):
        files.open(uri + path)


@pytest.mark.parametrize("path", ["cmdata:///nowhere", "cmdata://", "cmdata:///x@abc", "cmdata://x@" + "0" * 64])
def test_what_is_no_version_is_not_found(files: DataFileSystem, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        files.ls(path)


def test_nothing_is_written(files: DataFileSystem, uri: str) -> None:
    with pytest.raises(OSError, match="only read"):
        files.open(f"{uri}/a.csv", "wb")


@pytest.mark.parametrize("root", ["/a", "/a b/100%/x@y", "/größe"])
def test_a_place_is_read_as_it_was_written(root: str) -> None:
    place = Place(root=Path(root), manifest="0" * 64)
    assert Place.parse(place.uri) == place
