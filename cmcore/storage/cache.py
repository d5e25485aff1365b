"""Verified local copies of payloads that lie elsewhere, one folder per digest.

Nothing here knows how bytes are fetched; a copy that was damaged meanwhile is made again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cmcore.errors import StorageError
from cmcore.storage.disk import Disk
from cmcore.storage.errors import DigestMismatchError, disk_errors
from cmcore.storage.location import MANIFEST_SUFFIX, check_digest
from cmcore.storage.manifest import Manifest
from cmcore.storage.sealing import Sealing
from cmcore.storage.verify import difference

STAGING_PREFIX, DOWNLOAD_PREFIX, DAMAGED_PREFIX = "staging-", "download-", "damaged-"


class PayloadCache:
    """A folder of copies; many processes may add the same one at once, each sees a whole one or none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, digest: str) -> Path | None:
        """The copy with this digest, unless it is missing or its files no longer look as they did."""
        copy = self._copy(check_digest(digest))
        if not copy.exists():
            return None
        try:
            disk = Disk(str(copy.parent))
            manifest, observed = disk.read_manifest(str(copy)), disk.observe(str(copy))
        except StorageError:
            return None
        return None if difference(manifest, observed, stamps=True) else copy

    def add(self, uri: str, digest: str | None, fetch: Callable[[Path], None]) -> Path:
        """Fetch into a folder of our own, check the digest, and only then let others see it."""
        with disk_errors("keep a copy in", str(self._folder)):
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh = Path(os.path.realpath(tempfile.mkdtemp(prefix=DOWNLOAD_PREFIX, dir=self._folder)))
            try:
                (fresh / "payload").mkdir()
                fetch(fresh / "payload")
                manifest = Sealing().manifest(str(fresh / "payload"))
                if digest not in (None, manifest.digest):
                    raise DigestMismatchError(f"{uri!r} has digest {manifest.digest}, recorded was {digest}")
                (fresh / f"payload{MANIFEST_SUFFIX}").write_bytes(manifest.encode())
                self._publish(fresh, manifest)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        return self._copy(manifest.digest)

    def _publish(self, fresh: Path, manifest: Manifest) -> None:
        final = self._copy(manifest.digest).parent
        if final.exists() and self.find(manifest.digest) is None:
            self._put_aside(final)
        try:
            fresh.rename(final)
        except OSError:  # another process was faster
            if self.find(manifest.digest) is None:
                raise

    def _put_aside(self, damaged: Path) -> None:
        aside = Path(tempfile.mkdtemp(prefix=DAMAGED_PREFIX, dir=self._folder))
        with suppress(FileNotFoundError):  # another process was faster
            damaged.rename(aside / damaged.name)
        shutil.rmtree(aside)

    def _copy(self, digest: str) -> Path:
        return self._folder / digest.replace(":", "-") / "payload"
