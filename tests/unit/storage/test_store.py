"""The store on a disk and in fsspec's memory keeps its contract; what only one of them has is tested beside it."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest

from cmcore.address import Address
from cmcore.errors import StorageError
from cmcore.storage.errors import DigestMismatchError, StorageUnusableError
from cmcore.storage.location import local_path
from cmcore.storage.manifest import Manifest
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import VerifyMode
from cmcore.testing.storage import ADDRESS, Overwrite, PayloadStoreContract, written


def put_on_disk(url: str, content: bytes | None) -> None:
    path = Path(local_path(url))
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)


def put_in_memory(url: str, content: bytes | None) -> None:
    files = fsspec.filesystem("memory")
    files.rm_file(url) if content is None else files.pipe_file(url, content)


class TestOnDisk(PayloadStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> PayloadStore:
        return PayloadStore(str(tmp_path / "artifacts"))

    @pytest.fixture
    def overwrite(self, store: PayloadStore) -> Overwrite:
        return put_on_disk

    def test_the_payload_lies_where_the_address_says(self, store: PayloadStore, tmp_path: Path) -> None:
        output = store.output(Address(run="r", node="n", item="i", attempt=2), "data", 3)
        assert output.path == tmp_path / "artifacts/r/n@i/2/data/3"

    def test_a_root_with_spaces_is_a_file_url_that_leads_back(self, tmp_path: Path) -> None:
        payload, manifest = written(PayloadStore(f"{tmp_path}/a b%#?"), {"a": b"1"})
        assert PayloadStore((tmp_path / "a b%#?").as_uri()).verify(payload.uri, manifest.digest, VerifyMode.DIGEST).ok

    def test_a_hole_in_a_file_is_its_zeros(self, store: PayloadStore) -> None:
        payload = store.output(ADDRESS, "model")
        with (payload.path / "sparse").open("wb") as stream:
            stream.truncate(1 << 20)
        assert payload.seal().files[0].sha256 == sha256(bytes(1 << 20)).hexdigest()

    def test_a_line_break_in_a_name_is_kept(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {"line\nbreak": b"1"})
        assert store.verify(payload.uri, manifest.digest, VerifyMode.DIGEST).ok

    def test_local_work_does_not_import_fsspec(self, tmp_path: Path) -> None:
        script = (
            "import sys; from cmcore.storage.store import PayloadStore; from cmcore.address import Address\n"
            f"PayloadStore({str(tmp_path)!r}).output(Address(run='r', node='n'), 'k').seal()\n"
            "sys.exit('fsspec' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

    def test_a_payload_folder_that_is_a_link_to_elsewhere_is_refused(self, store: PayloadStore, tmp_path: Path) -> None:
        payload, manifest = written(store, {"a": b"1"})
        payload.path.rename(tmp_path / "moved")
        payload.path.symlink_to(tmp_path / "moved")
        with pytest.raises(StorageError, match="a link leads to"):
            _ = store.input(payload.uri, manifest.digest).path

    def test_a_payload_that_is_gone_says_what_to_do(self, store: PayloadStore) -> None:
        with pytest.raises(StorageError, match="run the node that made it again"):
            _ = store.input(store.uri_of(ADDRESS, "model"), None).path

    def test_a_root_that_is_a_file_is_unusable(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StorageUnusableError, match="name another artifact store"):
            PayloadStore(str(tmp_path / "file")).check()

    def test_a_large_payload_is_trusted_by_size_and_time(self, store: PayloadStore) -> None:
        payload, manifest = sparse(store)
        assert store.verify(payload, manifest.digest, VerifyMode.AUTO).reason == "sizes and stamps equal"

    def test_a_large_payload_of_another_time_is_not_trusted(self, store: PayloadStore) -> None:
        payload, manifest = sparse(store)
        Path(local_path(f"{payload}/sparse")).touch()
        assert "'sparse' was changed at" in store.verify(payload, manifest.digest, VerifyMode.AUTO).reason


class TestInMemory(PayloadStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> PayloadStore:
        return PayloadStore(f"memory://{uuid4().hex}/artifacts", cache=tmp_path)

    @pytest.fixture
    def overwrite(self, store: PayloadStore) -> Overwrite:
        return put_in_memory

    def test_a_download_with_another_digest_is_refused(self, store: PayloadStore, overwrite: Overwrite) -> None:
        payload, manifest = written(store, {"a": b"1"})
        overwrite(f"{payload.uri}/a", b"2")
        with pytest.raises(DigestMismatchError, match=manifest.digest):
            _ = store.input(payload.uri, manifest.digest).path

    def test_a_copy_is_fetched_once(self, store: PayloadStore, overwrite: Overwrite) -> None:
        payload, manifest = written(store, {"a": b"1"})
        first = store.input(payload.uri, manifest.digest).path
        overwrite(f"{payload.uri}/a", None)
        assert store.input(payload.uri, manifest.digest).path == first

    def test_nothing_staged_is_left_after_sealing(self, store: PayloadStore, tmp_path: Path) -> None:
        written(store, {"a": b"1"})
        assert list(tmp_path.iterdir()) == []

    def test_nothing_staged_is_left_of_a_discarded_output(self, store: PayloadStore, tmp_path: Path) -> None:
        store.output(ADDRESS, "model").discard()
        assert list(tmp_path.iterdir()) == []

    def test_two_writers_cannot_both_seal(self, store: PayloadStore) -> None:
        first, second = store.output(ADDRESS, "model"), store.output(ADDRESS, "model")
        first.seal()
        with pytest.raises(StorageError, match="cannot write the manifest"):
            second.seal()

    def test_reading_without_a_cache_says_what_is_missing(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {"a": b"1"})
        with pytest.raises(StorageError, match="local cache folder"):
            _ = PayloadStore(store.root).input(payload.uri, manifest.digest).path


def sparse(store: PayloadStore) -> tuple[str, Manifest]:
    """A sealed payload of 65 MiB that takes no space."""
    payload = store.output(ADDRESS, "model")
    with (payload.path / "sparse").open("wb") as stream:
        stream.truncate(65 << 20)
    return payload.uri, payload.seal()
