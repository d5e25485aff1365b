"""PayloadStoreContract: what every place for payloads keeps to; a subclass gives a store and a way to damage it.

Nothing here knows which place it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import pytest

from cmcore.address import Address
from cmcore.errors import StorageError
from cmcore.storage.collect import collect, garbage
from cmcore.storage.errors import SecretFoundError
from cmcore.storage.hashing import CHUNK_BYTES
from cmcore.storage.manifest import Manifest
from cmcore.storage.payload import OutputPayload
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import VerifyMode

ADDRESS = Address(run="run-1", node="train")
Overwrite = Callable[[str, bytes | None], None]


def written(
    store: PayloadStore, files: Mapping[str, bytes], address: Address = ADDRESS
) -> tuple[OutputPayload, Manifest]:
    """A sealed payload with these files."""
    payload = store.output(address, "model")
    for name, content in files.items():
        (payload.path / name).write_bytes(content)
    return payload, payload.seal()


class PayloadStoreContract:
    """Subclass it, give the two fixtures, and the suite is yours."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> PayloadStore:
        """A usable, empty store with a local cache."""
        raise NotImplementedError

    @pytest.fixture
    def overwrite(self, store: PayloadStore) -> Overwrite:
        """What puts bytes at a URL behind the store's back, or deletes what is there (None)."""
        raise NotImplementedError

    def test_a_usable_root_passes_the_check(self, store: PayloadStore) -> None:
        store.check()

    def test_what_was_written_is_read_back(self, store: PayloadStore) -> None:
        payload = store.output(ADDRESS, "model")
        with payload.open("weights/layer.bin", "wb") as binary:
            cast(BinaryIO, binary).write(b"\0\1")
        with payload.open("notes.txt", "w") as text:
            cast(TextIO, text).write("größer")
        given = store.input(payload.uri, payload.seal().digest)
        with given.open("weights/layer.bin") as weights, given.open("notes.txt", "r") as notes:
            assert (weights.read(), notes.read()) == (b"\0\1", "größer")

    def test_the_localised_folder_holds_the_payload_and_nothing_else(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {"a": b"1", "b": b"2"})
        assert sorted(path.name for path in store.input(payload.uri, manifest.digest).path.iterdir()) == ["a", "b"]

    def test_an_output_starts_empty(self, store: PayloadStore) -> None:
        assert list(store.output(ADDRESS, "model").path.iterdir()) == []

    @pytest.mark.parametrize("mode", VerifyMode)
    def test_what_was_sealed_is_verified(self, store: PayloadStore, mode: VerifyMode) -> None:
        payload, manifest = written(store, {"a": b"1", "b": b""})
        assert store.verify(payload.uri, manifest.digest, mode).ok

    def test_equal_content_has_an_equal_digest_wherever_it_lies(self, store: PayloadStore) -> None:
        _, first = written(store, {"a": b"1"})
        _, second = written(store, {"a": b"1"}, Address(run="run-2", node="tune", item="x", attempt=7))
        assert first.digest == second.digest

    def test_an_empty_payload_has_a_digest_and_can_be_read(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {})
        assert list(store.input(payload.uri, manifest.digest).path.iterdir()) == []

    def test_an_empty_payload_is_verified(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {})
        assert store.verify(payload.uri, manifest.digest, VerifyMode.AUTO).ok

    def test_odd_names_come_back_as_they_went(self, store: PayloadStore) -> None:
        names = ("a b", "c#d?e=f%20", "[g]*", "hü\u0301", "tab\t", "'quote\"")
        payload, manifest = written(store, dict.fromkeys(names, b"x"))
        found = store.input(payload.uri, manifest.digest).path.iterdir()
        assert sorted(path.name for path in found) == sorted(names)

    @pytest.mark.parametrize(("file", "link"), [("a", "b"), ("b", "a")])
    def test_a_link_within_the_payload_is_kept_as_a_file(self, store: PayloadStore, file: str, link: str) -> None:
        payload = store.output(ADDRESS, "model")
        (payload.path / file).write_bytes(b"1")
        (payload.path / link).symlink_to(file)
        assert store.verify(payload.uri, payload.seal().digest, VerifyMode.DIGEST).ok

    def test_the_manifest_is_kept_beside_the_payload(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {"a": b"1"})
        assert store.manifest(payload.uri).digest == manifest.digest

    def test_a_payload_is_written_once(self, store: PayloadStore) -> None:
        written(store, {"a": b"1"})
        with pytest.raises(StorageError, match="written once"):
            store.output(ADDRESS, "model")

    def test_a_payload_is_sealed_once(self, store: PayloadStore) -> None:
        payload, _ = written(store, {"a": b"1"})
        with pytest.raises(StorageError, match="sealed already"):
            payload.seal()

    def test_a_sealed_payload_cannot_be_opened_for_writing(self, store: PayloadStore) -> None:
        payload, _ = written(store, {"a": b"1"})
        with pytest.raises(StorageError, match="is sealed"):
            payload.open("b", "wb")

    def test_an_unsealed_payload_is_not_verified(self, store: PayloadStore) -> None:
        payload = store.output(ADDRESS, "model")
        assert "cannot read the manifest" in store.verify(payload.uri, Manifest().digest, VerifyMode.AUTO).reason

    def test_a_damaged_manifest_is_not_verified(self, store: PayloadStore, overwrite: Overwrite) -> None:
        payload, manifest = written(store, {"a": b"1"})
        overwrite(f"{payload.uri}.manifest.json", manifest.encode()[:-10])
        assert "is damaged" in store.verify(payload.uri, manifest.digest, VerifyMode.AUTO).reason

    def test_another_digest_than_recorded_is_not_verified(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {"a": b"1"})
        assert manifest.digest in store.verify(payload.uri, Manifest().digest, VerifyMode.AUTO).reason

    def test_a_changed_bit_is_found_and_both_digests_named(self, store: PayloadStore, overwrite: Overwrite) -> None:
        payload, manifest = written(store, {"a": b"1"})
        overwrite(f"{payload.uri}/a", b"2")
        reason = store.verify(payload.uri, manifest.digest, VerifyMode.DIGEST).reason
        assert "'a' has sha256 d4735e3a" in reason
        assert manifest.files[0].sha256 in reason

    def test_a_changed_size_is_found_and_both_sizes_named(self, store: PayloadStore, overwrite: Overwrite) -> None:
        payload, manifest = written(store, {"a": b"1"})
        overwrite(f"{payload.uri}/a", b"123")
        reason = store.verify(payload.uri, manifest.digest, VerifyMode.AUTO).reason
        assert "'a' has 3 bytes, was sealed with 1" in reason

    def test_a_missing_file_is_named(self, store: PayloadStore, overwrite: Overwrite) -> None:
        payload, manifest = written(store, {"a": b"1", "b": b"2"})
        overwrite(f"{payload.uri}/b", None)
        assert "'b' is missing" in store.verify(payload.uri, manifest.digest, VerifyMode.AUTO).reason

    def test_an_added_file_is_named(self, store: PayloadStore, overwrite: Overwrite) -> None:
        payload, manifest = written(store, {"a": b"1"})
        overwrite(f"{payload.uri}/late", b"2")
        assert "'late' was not there" in store.verify(payload.uri, manifest.digest, VerifyMode.AUTO).reason

    @pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "", ".", "a//b", "a\0b", "\udcff"])
    def test_a_name_that_could_leave_the_payload_is_refused(self, store: PayloadStore, name: str) -> None:
        payload, manifest = written(store, {"a": b"1"})
        with pytest.raises(StorageError, match="cannot name a file"):
            store.input(payload.uri, manifest.digest).open(name)

    def test_an_input_cannot_be_written(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {"a": b"1"})
        with pytest.raises(StorageError, match="'wb'"):
            store.input(payload.uri, manifest.digest).open("a", "wb")

    def test_what_is_not_under_the_root_must_be_declared(self, store: PayloadStore) -> None:
        with pytest.raises(StorageError, match="declared as imported"):
            store.input(f"{store.root}/../elsewhere", None)

    def test_a_fingerprint_is_the_digest_that_sealing_gives(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {"a": b"1", "b": b"2"})
        assert store.fingerprint(payload.uri).digest == manifest.digest

    def test_one_file_has_the_fingerprint_of_a_folder_with_it(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {"a": b"1"})
        assert store.fingerprint(f"{payload.uri}/a").digest == manifest.digest

    def test_one_imported_file_can_be_read(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {"a": b"1"})
        given = store.input(f"{payload.uri}/a", manifest.digest, imported=True)
        with given.open("a") as stream:
            assert (stream.read(), given.path.read_bytes()) == (b"1", b"1")

    def test_imported_data_is_verified_by_its_fingerprint(self, store: PayloadStore, overwrite: Overwrite) -> None:
        payload, _ = written(store, {"a": b"1"})
        before = store.fingerprint(payload.uri)
        overwrite(f"{payload.uri}/a", b"22")
        assert not store.verify(payload.uri, before.digest, VerifyMode.AUTO, imported=before).ok

    def test_a_secret_across_a_chunk_border_is_found_and_deleted(self, store: PayloadStore) -> None:
        payload = store.output(ADDRESS, "model")
        (payload.path / "leak").write_bytes(b"x" * (CHUNK_BYTES - 3) + b"hunter2!" + b"y" * 9)
        with pytest.raises(SecretFoundError, match="'leak'") as raised:
            payload.seal([b"hunter2!"])
        assert ("hunter2!" in str(raised.value), payload.path.exists()) == (False, False)

    def test_attempts_are_listed_with_their_payloads(self, store: PayloadStore) -> None:
        payload, _ = written(store, {"a": b"1"})
        (attempt,) = store.attempts()
        assert (attempt.run, [(found.uri, found.sealed) for found in attempt.payloads]) == (
            "run-1",
            [(payload.uri, True)],
        )

    def test_garbage_is_deleted_and_the_recorded_stays(self, store: PayloadStore) -> None:
        kept, manifest = written(store, {"a": b"1"})
        written(store, {"a": b"1"}, Address(run="run-2", node="train"))
        collect(store, garbage(list(store.attempts()), {kept.uri}, set()), dry_run=False)
        assert [found.run for found in store.attempts()] == ["run-1"]
        assert store.verify(kept.uri, manifest.digest, VerifyMode.AUTO).ok

    def test_a_dry_run_deletes_nothing(self, store: PayloadStore) -> None:
        payload, manifest = written(store, {"a": b"1"})
        collect(store, garbage(list(store.attempts()), set(), set()), dry_run=True)
        assert store.verify(payload.uri, manifest.digest, VerifyMode.AUTO).ok

    def test_only_attempts_and_payloads_are_deleted(self, store: PayloadStore) -> None:
        with pytest.raises(StorageError, match="not ours to delete"):
            store.remove(f"{store.root}/run-1")
