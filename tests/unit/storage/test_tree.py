"""What of a folder belongs to a payload, and that nothing outside is ever opened."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cmcore.errors import StorageError
from cmcore.storage.tree import open_inside, sized_names, tree_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "payload"
    (inside / "sub").mkdir(parents=True)
    (inside / "a").write_bytes(b"1")
    (inside / "sub/b").write_bytes(b"22")
    (tmp_path / "outside").write_bytes(b"canary")
    return inside


def read(folder: Path, name: str) -> bytes:
    with os.fdopen(open_inside(str(folder), name), "rb") as stream:
        return stream.read()


def test_files_and_folders_are_listed_by_their_relative_names(folder: Path) -> None:
    tree = tree_of(str(folder))
    assert (sorted(tree.files), tree.folders) == (["a", "sub/b"], ["sub"])


def test_a_folder_comes_before_what_is_in_it(folder: Path) -> None:
    (folder / "sub/deep/er").mkdir(parents=True)
    assert tree_of(str(folder)).folders == ["sub", "sub/deep", "sub/deep/er"]


def test_a_link_to_a_file_of_the_same_payload_counts_as_it(folder: Path) -> None:
    (folder / "link").symlink_to("sub/b")
    assert "link" in tree_of(str(folder)).files
    assert read(folder, "link") == b"22"


@pytest.mark.parametrize("target", ["../outside", "/etc/passwd"])
def test_a_link_that_leads_outside_is_not_opened(folder: Path, target: str) -> None:
    (folder / "link").symlink_to(target)
    with pytest.raises(StorageError, match=r"'link' .* outside"):
        open_inside(str(folder), "link")


def test_a_file_below_a_link_to_a_folder_outside_is_not_opened(folder: Path, tmp_path: Path) -> None:
    (folder / "way").symlink_to(tmp_path)
    with pytest.raises(StorageError, match="outside"):
        open_inside(str(folder), "way/outside")


@pytest.mark.parametrize("target", ["sub", ".", "..", "nowhere", "link"])
def test_a_link_to_anything_but_a_file_is_refused(folder: Path, target: str) -> None:
    (folder / "link").symlink_to(target)
    with pytest.raises((StorageError, OSError), match="link"):
        tree_of(str(folder))


def test_a_pipe_is_refused_by_name(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(StorageError, match=r"'pipe' .* regular files only"):
        tree_of(str(folder))


def test_a_pipe_is_never_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(StorageError, match="not a regular file"):
        open_inside(str(folder), "pipe")


def test_a_socket_is_refused_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)  # the address of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock")
        with pytest.raises(StorageError, match="'sock'"):
            tree_of(str(folder))


def test_a_name_that_is_no_text_is_refused_and_shown(folder: Path) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff.bin"))).touch()
    with pytest.raises(StorageError, match=r"udcff\.bin"):
        tree_of(str(folder))


def test_a_folder_is_no_file(folder: Path) -> None:
    with pytest.raises(StorageError, match="not a regular file"):
        open_inside(str(folder), "sub")


def test_sizes_are_told_without_following_links(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/passwd")
    assert dict(sized_names(str(folder))) == {"a": 1, "sub": 0, "sub/b": 2, "link": len("/etc/passwd")}


def test_a_folder_that_is_gone_has_no_names(tmp_path: Path) -> None:
    assert list(sized_names(str(tmp_path / "gone"))) == []
