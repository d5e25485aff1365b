"""The store in a real S3-compatible server keeps the contract, in this process and in a forked one."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest

from cmcore.address import Address
from cmcore.errors import StorageError
from cmcore.storage.errors import DigestMismatchError, StorageUnusableError
from cmcore.storage.objects import BATCH_FILES
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import VerifyMode
from cmcore.testing.storage import ADDRESS, Overwrite, PayloadStoreContract, written

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


class TestInS3(PayloadStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path, s3_options: Mapping[str, object]) -> PayloadStore:
        return PayloadStore(f"s3://payloads/{uuid4().hex}", cache=tmp_path, options=s3_options)

    @pytest.fixture
    def overwrite(self, store: PayloadStore, s3_options: Mapping[str, object]) -> Overwrite:
        files = fsspec.filesystem("s3", **s3_options)

        def put(url: str, content: bytes | None) -> None:
            files.rm_file(url) if content is None else files.pipe_file(url, content)

        return put

    def test_stamps_are_etags(self, store: PayloadStore) -> None:
        _, manifest = written(store, {"a": b"1"})
        assert manifest.stamps == ('"c4ca4238a0b923820dcc509a6f75849b"',)

    def test_two_writers_cannot_both_seal(self, store: PayloadStore) -> None:
        first, second = store.output(ADDRESS, "model"), store.output(ADDRESS, "model")
        first.seal()
        with pytest.raises(StorageError, match="cannot write the manifest"):
            second.seal()

    def test_a_download_with_another_digest_is_refused(self, store: PayloadStore, overwrite: Overwrite) -> None:
        payload, manifest = written(store, {"a": b"1"})
        overwrite(f"{payload.uri}/a", b"2")
        with pytest.raises(DigestMismatchError, match=manifest.digest):
            _ = store.input(payload.uri, manifest.digest).path

    def test_more_files_than_one_batch_are_kept(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {f"{number:04}": b"x" for number in range(BATCH_FILES + 1)})
        assert store.verify(payload.uri, manifest.digest, VerifyMode.AUTO).ok

    def test_a_file_of_several_parts_is_kept(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {"large": bytes(60 << 20)})
        assert store.input(payload.uri, manifest.digest).path.joinpath("large").stat().st_size == 60 << 20

    def test_a_forked_process_uses_a_connection_of_its_own(self, store: PayloadStore) -> None:
        written(store, {"a": b"1"})
        child = multiprocessing.get_context("fork").Process(target=write_in_child, args=(store,))
        child.start()
        child.join(60)
        assert (child.exitcode, len(list(store.attempts()))) == (0, 2)

    def test_a_missing_bucket_is_unusable_and_named(self, s3_options: Mapping[str, object]) -> None:
        with pytest.raises(StorageUnusableError, match=r"'s3://no-such-bucket/x'.* Make the bucket"):
            PayloadStore("s3://no-such-bucket/x", options=s3_options).check()

    def test_a_server_that_is_down_is_unusable(self, s3_options: Mapping[str, object]) -> None:
        nowhere = {
            **s3_options,
            "endpoint_url": "http://127.0.0.1:9",
            "config_kwargs": {"retries": {"max_attempts": 0}},
        }
        with pytest.raises(StorageUnusableError, match="s3://payloads/x"):
            PayloadStore("s3://payloads/x", options=nowhere).check()


def write_in_child(store: PayloadStore) -> None:
    payload, manifest = written(store, {"a": b"1"}, Address(run="run-2", node="child"))
    assert store.verify(payload.uri, manifest.digest, VerifyMode.DIGEST).ok
