"""What is read from repositories that DVC has made, and what is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from hashlib import md5
from pathlib import Path
from shutil import move

import pytest

from cmcore.datasets.file import DataFile
from cmcore.errors import StorageError
from cmcore.testing.data_format import CONTENT, manifest_of, offered
from cmcore_dvc.format import DvcFormat

DATA = {"flights-1.csv": b"day,late\n1,0\n2,1\n", "notes/windows.txt": b"one\r\ntwo\r\n", "nothing": b""}
RUN = b"#!/bin/sh\necho hello\n"


def read(file: DataFile) -> bytes:
    with file.open() as stream:
        return stream.read()


def contents(files: tuple[DataFile, ...]) -> dict[str, bytes]:
    return {file.path: read(file) for file in files}


@pytest.fixture
def tampered(repository: Path) -> Callable[[str, object], Path]:
    """What replaces a `.dvc` file's text, or a folder's list by one that is named correctly."""

    def write(text: str, entries: object = None) -> Path:
        listed = json.dumps(entries).encode()
        name = md5(listed, usedforsecurity=False).hexdigest()
        place = repository / ".dvc" / "cache" / "files" / "md5" / name[:2] / f"{name[2:]}.dir"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(listed)
        (repository / "data.dvc").write_text(text.replace("DIR", f"{name}.dir"))
        return repository / "data.dvc"

    return write


def test_a_folder_is_named_from_itself_on(dvc: DvcFormat, repository: Path) -> None:
    data = dvc.read(repository / "data.dvc")
    assert (data.name, contents(data.files)) == ("data", DATA)


def test_a_file_is_named_by_its_name(dvc: DvcFormat, repository: Path) -> None:
    assert contents(dvc.read(repository / "run.sh.dvc").files) == {"run.sh": RUN}


def test_an_executable_file_stays_one(dvc: DvcFormat, repository: Path) -> None:
    assert [file.executable for file in dvc.read(repository / "run.sh.dvc").files] == [True]


def test_a_repository_is_all_its_files_named_from_it_on(dvc: DvcFormat, repository: Path) -> None:
    expected = {**{f"data/{path}": held for path, held in DATA.items()}, "run.sh": RUN}
    assert contents(dvc.read(repository).files) == expected


def test_a_cache_that_lies_elsewhere_is_found(dvc: DvcFormat, repository: Path) -> None:
    move(repository / ".dvc" / "cache", repository.parent / "shared")
    (repository / ".dvc" / "config.local").write_text("[cache]\n    dir = ../../shared\n")
    assert contents(dvc.read(repository / "data.dvc").files) == DATA


def test_a_local_remote_is_looked_in(dvc: DvcFormat, repository: Path) -> None:
    move(repository / ".dvc" / "cache", repository.parent / "remote")
    (repository / ".dvc" / "config").write_text(
        "[core]\n    remote = far\n['remote \"far\"']\n    url = s3://bucket\n"
        "['remote \"near\"']\n    url = ../../remote  # a disk\n"
    )
    assert contents(dvc.read(repository / "data.dvc").files) == DATA


def test_what_was_never_cached_is_read_from_the_workspace(dvc: DvcFormat, repository: Path) -> None:
    kept = next(file for file in repository.rglob("04a220708aa59433ba410986cd4ffa"))
    move(kept, repository / "run.sh")
    assert contents(dvc.read(repository / "run.sh.dvc").files) == {"run.sh": RUN}


def test_a_link_out_of_the_workspace_is_not_followed(dvc: DvcFormat, repository: Path) -> None:
    kept = next(file for file in repository.rglob("04a220708aa59433ba410986cd4ffa"))
    move(kept, repository.parent / "elsewhere.sh")
    (repository / "run.sh").symlink_to(repository.parent / "elsewhere.sh")
    with pytest.raises(StorageError, match="link out of the repository"):
        dvc.read(repository / "run.sh.dvc")


def test_what_is_nowhere_is_to_be_pulled(dvc: DvcFormat, repository: Path) -> None:
    next(file for file in repository.rglob("04a220708aa59433ba410986cd4ffa")).unlink()
    with pytest.raises(StorageError, match=r"'run.sh' is not in DVC's cache.*dvc pull"):
        dvc.read(repository / "run.sh.dvc")


def test_a_folder_that_is_nowhere_is_to_be_pulled(dvc: DvcFormat, repository: Path) -> None:
    next(repository.rglob("*.dir")).unlink()
    with pytest.raises(StorageError, match=r"the folder 'data'.*dvc pull"):
        dvc.read(repository / "data.dvc")


def test_an_object_that_is_a_link_is_refused(dvc: DvcFormat, repository: Path) -> None:
    kept = next(file for file in repository.rglob("04a220708aa59433ba410986cd4ffa"))
    move(kept, repository.parent / "elsewhere.sh")
    kept.symlink_to(repository.parent / "elsewhere.sh")
    with pytest.raises(StorageError, match="plain file"):
        manifest_of(dvc.read(repository / "run.sh.dvc"))


def test_an_object_that_is_a_pipe_is_refused(dvc: DvcFormat, repository: Path) -> None:
    kept = next(file for file in repository.rglob("04a220708aa59433ba410986cd4ffa"))
    kept.unlink()
    os.mkfifo(kept)
    with pytest.raises(StorageError, match="not in DVC's cache"):
        dvc.read(repository / "run.sh.dvc")


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "data/../../x", '"a\\nb"', '"a\\0b"', '""'])
def test_hostile_paths_in_a_document_are_refused(
    dvc: DvcFormat, tampered: Callable[[str, object], Path], path: str
) -> None:
    with pytest.raises(StorageError, match=r"cannot name a file|control characters"):
        dvc.read(tampered(f"outs:\n- md5: DIR\n  hash: md5\n  path: {path}\n", []))


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../x", "a\nb", "a\0b", "", "a//b"])
def test_hostile_paths_in_a_folder_are_refused(
    dvc: DvcFormat, tampered: Callable[[str, object], Path], path: str
) -> None:
    entries = [{"md5": "d604a220708aa59433ba410986cd4ffa", "relpath": path}]
    with pytest.raises(StorageError, match=r"cannot name a file|control characters"):
        dvc.read(tampered("outs:\n- md5: DIR\n  hash: md5\n  path: data\n", entries))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("outs: []", "outs"),
        ("outs:\n- path: data\n  etag: x", "outs.0.md5"),
        ("outs:\n- path: data\n  md5: ../../../../etc/passwd", "outs.0.md5"),
        ("a: [", "is not YAML"),
        ("hello", "at the top"),
        ("!!python/object/apply:os.system [ls]", "is not YAML"),
        ("x" * (1 << 21), "no .dvc file is that long"),
    ],
)
def test_a_document_that_is_none_is_refused_with_its_place(
    dvc: DvcFormat, tampered: Callable[[str, object], Path], text: str, said: str
) -> None:
    with pytest.raises(StorageError, match=said):
        dvc.read(tampered(text, []))


def test_a_damaged_folder_is_refused(dvc: DvcFormat, repository: Path) -> None:
    listed = next(repository.rglob("*.dir"))
    listed.chmod(0o644)
    listed.write_bytes(listed.read_bytes().replace(b"flights-1", b"flights-9"))
    with pytest.raises(StorageError, match="is damaged"):
        dvc.read(repository / "data.dvc")


def test_a_document_outside_any_repository_is_refused(dvc: DvcFormat, repository: Path, tmp_path: Path) -> None:
    move(repository / "data.dvc", tmp_path / "data.dvc")
    with pytest.raises(StorageError, match="in no DVC repository"):
        dvc.read(tmp_path / "data.dvc")


def test_two_documents_with_one_file_are_refused(dvc: DvcFormat, repository: Path) -> None:
    (repository / "again.dvc").write_text((repository / "data.dvc").read_text())
    with pytest.raises(StorageError, match="read one of them"):
        dvc.read(repository)


def test_what_is_written_goes_into_the_repository_around(dvc: DvcFormat, repository: Path) -> None:
    dvc.write(offered(CONTENT), repository / "more")
    assert not (repository / "more" / ".dvc").exists()
    assert contents(dvc.read(repository / "more" / "flights.dvc").files) == dict(CONTENT)


def test_a_remark_is_kept(dvc: DvcFormat, tmp_path: Path) -> None:
    data = offered(CONTENT)
    data.remarks["description"] = "flights@3"  # type: ignore[index] # a dict by default
    assert dvc.read(dvc.write(data, tmp_path)).remarks == {"description": "flights@3"}
