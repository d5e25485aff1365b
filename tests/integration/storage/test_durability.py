"""What the kernel sees when a payload is sealed, and what is left when the disk is full."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cmcore.errors import StorageError
from cmcore.storage.errors import StorageFullError, StorageUnusableError
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import VerifyMode
from cmcore.testing.storage import ADDRESS, written

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

SEAL = """
import sys
from cmcore.address import Address
from cmcore.storage.store import PayloadStore
payload = PayloadStore(sys.argv[1]).output(Address(run="run-1", node="train"), "model")
with payload.open("sub/streamed", "wb") as stream:
    stream.write(b"1")
(payload.path / "direct").write_bytes(b"2")
payload.seal()
"""
SYNC = r"fsync\(\d+<(?P<synced>[^>]*)>"
OPEN_TO_WRITE = r"openat\([^,]*, \"(?P<opened>[^\"]*)\", O_WRONLY"
CALL = re.compile(f"{SYNC}|{OPEN_TO_WRITE}")


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What was synced or opened for writing below the root while sealing, in order."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    root, log = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("log") / "strace"
    traced = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync,openat,rename,write", "-o", str(log)]
    subprocess.run([*traced, sys.executable, "-c", SEAL, str(root)], check=True)
    found = [match for match in map(CALL.search, log.read_text().splitlines()) if match]
    named = [f"write {match['opened']}" if match["opened"] else f"sync {match['synced']}" for match in found]
    return [call.replace(str(root), "ROOT") for call in named if str(root) in call]


PAYLOAD = "ROOT/run-1/train/1/model/0"


@pytest.mark.parametrize("name", ["/direct", "/sub/streamed", "/sub", ""])
def test_files_and_folders_are_synced_before_the_manifest_is_written(calls: list[str], name: str) -> None:
    assert calls.index(f"sync {PAYLOAD}{name}") < calls.index(f"write {PAYLOAD}.manifest.json")


def test_a_folder_is_synced_after_the_files_in_it(calls: list[str]) -> None:
    assert (
        calls.index(f"sync {PAYLOAD}/sub/streamed")
        < calls.index(f"sync {PAYLOAD}/sub")
        < calls.index(f"sync {PAYLOAD}")
    )


@pytest.mark.parametrize("folder", ["ROOT/run-1/train/1", "ROOT/run-1/train", "ROOT/run-1", "ROOT"])
def test_the_way_to_the_payload_is_synced_before_the_manifest(calls: list[str], folder: str) -> None:
    assert calls.index(f"sync {folder}") < calls.index(f"write {PAYLOAD}.manifest.json")


def test_the_manifest_is_the_last_thing_written_and_synced(calls: list[str]) -> None:
    manifest = f"{PAYLOAD}.manifest.json"
    assert calls[-3:] == [f"write {manifest}", f"sync {manifest}", "sync ROOT/run-1/train/1/model"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_while_writing_is_told_apart(small_disk: Path) -> None:
    payload = PayloadStore(str(small_disk)).output(ADDRESS, "model")
    with pytest.raises(StorageFullError, match="Free some space"), payload.open("f", "wb") as stream:
        stream.write(bytes(2 << 20))  # type: ignore[arg-type] # opened in binary mode


def test_a_full_disk_while_sealing_leaves_no_manifest(small_disk: Path) -> None:
    store = PayloadStore(str(small_disk))
    payload = store.output(ADDRESS, "model")
    (payload.path / "f").write_bytes(bytes(4096))
    with suppress(OSError):
        (small_disk / "filler").write_bytes(bytes(2 << 20))
    with pytest.raises(StorageFullError):
        payload.seal()
    assert not store.verify(payload.uri, "sha256:" + "0" * 64, VerifyMode.AUTO).ok


def test_after_a_full_disk_the_earlier_payloads_are_intact_and_new_ones_work(small_disk: Path) -> None:
    store = PayloadStore(str(small_disk))
    kept, manifest = written(store, {"a": b"1"})
    with suppress(OSError):
        (small_disk / "filler").write_bytes(bytes(2 << 20))
    (small_disk / "filler").unlink()
    store.output(ADDRESS, "other").seal()
    assert store.verify(kept.uri, manifest.digest, VerifyMode.DIGEST).ok


def test_a_read_only_disk_is_unusable_before_anything_runs(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageUnusableError, match=f"{str(small_disk)!r}: Read-only file system"):
        PayloadStore(str(small_disk)).check()


def test_a_folder_swapped_for_a_link_never_shows_what_is_outside(tmp_path: Path) -> None:
    store = PayloadStore(str(tmp_path / "root"))
    payload = store.output(ADDRESS, "model")
    (payload.path / "sub").mkdir()
    (payload.path / "sub/f").write_bytes(b"inside")
    manifest = payload.seal()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/f").write_bytes(b"canary")
    stop = threading.Event()
    swapper = threading.Thread(target=swap, args=(payload.path, tmp_path / "outside", stop))
    swapper.start()
    seen = {content_or_refusal(store, payload.uri, manifest.digest) for _ in range(10_000)}
    stop.set()
    swapper.join()
    assert "canary" not in seen
    assert seen >= {"inside", "refused"}


def swap(folder: Path, outside: Path, stop: threading.Event) -> None:
    """Put a link in the place of a sub-folder and back, again and again."""
    while not stop.is_set():
        (folder / "sub").rename(folder / "kept")
        (folder / "sub").symlink_to(outside)
        (folder / "sub").unlink()
        (folder / "kept").rename(folder / "sub")


def content_or_refusal(store: PayloadStore, uri: str, digest: str) -> str:
    try:
        with store.input(uri, digest).open("sub/f", "r") as stream:
            return str(stream.read())
    except StorageError:
        return "refused"
