"""PayloadStore: where the outputs of a project are written, read again, verified and listed.

Which of them count is the lineage's word; this only keeps bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from cmcore.address import Address
from cmcore.errors import StorageError
from cmcore.storage.attempts import AttemptFolder, attempt_folders
from cmcore.storage.disk import Disk
from cmcore.storage.location import (
    check_payload,
    check_removable,
    is_local,
    local_path,
    payload_uri,
    protocol,
    root_uri,
)
from cmcore.storage.manifest import Manifest
from cmcore.storage.payload import InputPayload, OutputPayload
from cmcore.storage.place import Place
from cmcore.storage.verify import Verdict, VerifyMode, damage, difference, digested, reads_content


class PayloadStore:
    """Payloads under a root: an absolute path, a file URL, or an fsspec URL with the `options` of its file system.

    `cache` is a local folder for staging and verified copies; only object stores need it. Making a store touches
    nothing and loads no library; one instance may be used by many threads and after a fork.
    """

    def __init__(self, root: str, *, cache: Path | None = None, options: Mapping[str, object] | None = None) -> None:
        self.root = root_uri(root)
        self._cache = cache
        self._options = dict(options or {})
        self._own = self._place_at(self.root)

    def check(self) -> None:
        """Raise StorageUnusableError, before anything runs, where the root cannot be written to."""
        self._own.check()

    def output(self, address: Address, key: str, index: int = 0) -> OutputPayload:
        """A new, empty payload of an attempt; raises StorageError where it was begun before."""
        return OutputPayload(self._own, self.uri_of(address, key, index))

    def uri_of(self, address: Address, key: str, index: int = 0) -> str:
        """Where an output of an attempt lies, whether or not it was written."""
        return payload_uri(self.root, address, key, index)

    def input(self, uri: str, digest: str | None, *, imported: bool = False) -> InputPayload:
        """A payload for reading; one that does not lie under this root must be declared as imported."""
        return InputPayload(self._place_of(uri, imported=imported), uri, digest)

    def manifest(self, uri: str) -> Manifest:
        """What was sealed at a URI of this root; raises StorageError where nothing was, or its manifest is damaged."""
        return self._place_of(uri, imported=False).read_manifest(uri)

    def fingerprint(self, uri: str) -> Manifest:
        """The manifest of data that others own, a file or a folder, by reading all of it; nothing is written there."""
        place = self._place_of(uri, imported=True)
        return digested(place, uri, place.observe(uri))

    def verify(self, uri: str, digest: str, mode: VerifyMode, *, imported: Manifest | None = None) -> Verdict:
        """Whether the payload still holds what was recorded. Imported data has no manifest beside it: give the one
        that `fingerprint` made."""
        if mode is VerifyMode.NEVER:
            return Verdict(ok=True, reason="not verified, as asked")
        try:
            place = self._place_of(uri, imported=imported is not None)
            return _verdict(place, uri, imported or place.read_manifest(uri), digest, mode)
        except StorageError as error:
            return Verdict(ok=False, reason=str(error))

    def attempts(self) -> Iterator[AttemptFolder]:
        """Everything that attempts have left under the root; other things there are passed over."""
        return attempt_folders(self.root, self._own.names())

    def remove(self, uri: str) -> None:
        """Delete an attempt or one payload of it; only for what no record names."""
        check_removable(self.root, uri)
        self._own.remove(uri)

    def _place_of(self, uri: str, *, imported: bool) -> Place:
        if not imported:
            check_payload(self.root, uri)
            return self._own
        return self._place_at(uri)

    def _place_at(self, uri: str) -> Place:
        if is_local(uri):
            return Disk(local_path(uri))
        from cmcore.storage.objects import ObjectStore

        same = not is_local(self.root) and protocol(uri) == protocol(self.root)
        return ObjectStore(uri, options=self._options if same else {}, cache=self._cache)


def _verdict(place: Place, uri: str, manifest: Manifest, digest: str, mode: VerifyMode) -> Verdict:
    if manifest.digest != digest:
        return Verdict(ok=False, reason=f"the manifest of {uri!r} has digest {manifest.digest}, recorded was {digest}")
    deep = reads_content(mode, manifest)
    found = difference(manifest, place.observe(uri), stamps=not deep) or (damage(place, uri, manifest) if deep else "")
    if found:
        return Verdict(ok=False, reason=f"{uri!r} is not what was sealed: {found}")
    return Verdict(ok=True, reason="digest equal" if deep else "sizes and stamps equal")
