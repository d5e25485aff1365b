"""Outputs on a disk: written, sealed against later change, refused where that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from cmcore.errors import StorageError
from cmcore.storage.errors import SecretFoundError
from cmcore.storage.hashing import HashingFile
from cmcore.storage.payload import OutputPayload
from cmcore.storage.sealing import Sealing, refuse_changes
from cmcore.storage.store import PayloadStore
from cmcore.testing.storage import ADDRESS


@pytest.fixture
def output(store: PayloadStore) -> OutputPayload:
    return store.output(ADDRESS, "model")


def put(output: OutputPayload, name: str, content: bytes, mode: str = "wb") -> None:
    with output.open(name, mode) as stream:
        cast(BinaryIO, stream).write(content)


def digests(output: OutputPayload) -> dict[str, str]:
    return {entry.path: entry.sha256 for entry in output.seal().files}


def overwrite_same_size(output: OutputPayload) -> None:
    with (output.path / "f").open("r+b") as stream:
        stream.write(b"X")


def append(output: OutputPayload) -> None:
    put(output, "f", b"Y", "ab")


def reopen_for_update(output: OutputPayload) -> None:
    put(output, "f", b"Z", "r+b")


def replace(output: OutputPayload) -> None:
    (output.path / "g").write_bytes(b"new")
    (output.path / "g").rename(output.path / "f")


@pytest.mark.parametrize(
    ("change", "content"),
    [
        (overwrite_same_size, b"Xbc"),
        (append, b"abcY"),
        (reopen_for_update, b"Zbc"),
        (replace, b"new"),
    ],
)
def test_a_file_changed_after_it_was_closed_is_hashed_again(
    output: OutputPayload, change: Callable[[OutputPayload], None], content: bytes
) -> None:
    put(output, "f", b"abc")
    change(output)
    assert digests(output) == {"f": sha256(content).hexdigest()}


def test_a_file_that_was_hashed_while_written_is_not_read_again(
    output: OutputPayload, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(output, "f", b"abc")
    monkeypatch.delattr("cmcore.storage.sealing.digest_stream")
    assert digests(output) == {"f": sha256(b"abc").hexdigest()}


def test_a_file_may_be_created_exclusively(output: OutputPayload) -> None:
    put(output, "f", b"abc", "xb")
    with pytest.raises(StorageError, match="File exists"):
        output.open("f", "xb")


def test_a_file_that_is_still_open_cannot_be_sealed(output: OutputPayload) -> None:
    with output.open("f", "wb"), pytest.raises(StorageError, match=r"'f' .* still open"):
        output.seal()


def test_what_was_written_can_be_read_before_sealing(output: OutputPayload) -> None:
    put(output, "sub/f", b"abc")
    with output.open("sub/f") as stream:
        assert stream.read() == b"abc"


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "sub//x"])
def test_an_output_is_not_written_elsewhere(output: OutputPayload, name: str) -> None:
    with pytest.raises(StorageError, match="cannot name a file"):
        output.open(name, "wb")


def test_an_output_is_not_written_through_a_folder_that_leads_elsewhere(output: OutputPayload, tmp_path: Path) -> None:
    (output.path / "way").symlink_to(tmp_path)
    with pytest.raises(StorageError, match="behind, a link"):
        output.open("way/x", "wb")
    assert not (tmp_path / "x").exists()


def test_an_output_is_not_written_through_a_link(output: OutputPayload, tmp_path: Path) -> None:
    (tmp_path / "canary").write_bytes(b"alive")
    (output.path / "f").symlink_to(tmp_path / "canary")
    with pytest.raises(StorageError, match="a link"):
        output.open("f", "wb")
    assert (tmp_path / "canary").read_bytes() == b"alive"


def test_a_link_that_leads_elsewhere_cannot_be_sealed(output: OutputPayload) -> None:
    (output.path / "f").symlink_to("/etc/hostname")
    with pytest.raises(StorageError, match="copy the file instead"):
        output.seal()


def test_sealed_files_are_read_only(output: OutputPayload) -> None:
    put(output, "f", b"abc")
    output.seal()
    assert (output.path / "f").stat().st_mode & 0o222 == 0


def test_a_hard_link_keeps_its_mode_and_can_be_sealed(output: OutputPayload, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_bytes(b"abc")
    (output.path / "f").hardlink_to(tmp_path / "theirs")
    output.seal()
    assert (tmp_path / "theirs").stat().st_mode & 0o200


def test_a_secret_in_the_name_of_a_file_is_found_and_not_shown(output: OutputPayload) -> None:
    put(output, "token-hunter2", b"")
    with pytest.raises(SecretFoundError) as raised:
        output.seal([b"hunter2"])
    assert "hunter2" not in str(raised.value)


def test_a_secret_is_found_in_a_file_that_was_hashed_while_written(output: OutputPayload) -> None:
    put(output, "f", b"token=hunter2")
    with pytest.raises(SecretFoundError, match="'f'"):
        output.seal([b"hunter2"])


def test_without_a_secret_in_it_a_payload_is_sealed(output: OutputPayload) -> None:
    put(output, "f", b"token=?")
    assert output.seal([b"hunter2", b""]).total_size == 7


@pytest.mark.parametrize("name", ["f", "late"])
def test_a_change_after_hashing_is_noticed_and_named(output: OutputPayload, name: str) -> None:
    put(output, "f", b"abc")
    manifest = Sealing(durable=False).manifest(str(output.path))
    (output.path / name).write_bytes(b"xyz")
    with pytest.raises(StorageError, match=f"'{name}' .* changed while it was being sealed"):
        refuse_changes(str(output.path), manifest)


def test_a_change_while_a_file_is_read_is_noticed(output: OutputPayload, monkeypatch: pytest.MonkeyPatch) -> None:
    put(output, "f", b"abc")
    (output.path / "f").touch()  # hashed anew

    def disturbed(*_: object) -> tuple[str, int]:
        overwrite_same_size(output)
        return "", 3

    monkeypatch.setattr("cmcore.storage.sealing.digest_stream", disturbed)
    with pytest.raises(StorageError, match=r"'f' .* changed while"):
        output.seal()


def test_one_of_many_writers_gets_the_folder(store: PayloadStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        begun = [pool.submit(store.output, ADDRESS, "model") for _ in range(8)]
    assert sorted(type(future.exception()) is StorageError for future in begun) == [False] + [True] * 7


def test_a_failed_write_names_the_file(output: OutputPayload) -> None:
    (output.path / "f").mkdir()
    with pytest.raises(StorageError, match="Is a directory"):
        output.open("f", "wb")


def test_a_hashing_stream_closes_once(tmp_path: Path) -> None:
    reports: list[object] = []
    stream = HashingFile(tmp_path / "f", "wb", reports.append)
    stream.close()
    stream.close()
    assert len(reports) == 1
