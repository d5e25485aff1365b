"""Blobs: where values that are too long for a metadata row are kept, by the digest of their bytes.

Payloads of artifacts are not blobs; they live in `cmcore.storage`.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Protocol

from cmcore.errors import LineageError


class Blobs(Protocol):
    """Bytes by digest. What was put stays, and is on disk before `put` returns."""

    def put(self, content: bytes) -> str:
        """Keep these bytes; the answer is their digest, `sha256:` and 64 hex digits."""
        ...

    def get(self, digest: str) -> bytes:
        """The bytes of a digest; raises LineageError where they are lost or damaged."""
        ...


def digest_of(content: bytes) -> str:
    """`sha256:` and the hex digest."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class MemoryBlobs:
    """Blobs in a dict, for unit tests."""

    def __init__(self) -> None:
        self._content: dict[str, bytes] = {}

    def put(self, content: bytes) -> str:
        digest = digest_of(content)
        self._content[digest] = content
        return digest

    def get(self, digest: str) -> bytes:
        if digest not in self._content:
            raise LineageError(f"blob {digest!r} was never kept here")
        return self._content[digest]


class FolderBlobs:
    """Blobs as files of one folder: `ab/cdef...`, written aside, synced, then renamed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes) -> str:
        digest = digest_of(content)
        target = self._file(digest)
        if not target.exists():
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                _write_synced(target, content)
            except OSError as error:
                raise LineageError(f"cannot keep blob {digest} in {self.folder}: {error}") from error
        return digest

    def get(self, digest: str) -> bytes:
        target = self._file(digest)
        try:
            content = target.read_bytes()
        except OSError as error:
            raise LineageError(f"blob {digest} cannot be read from {self.folder}: {error}") from error
        if digest_of(content) != digest:
            raise LineageError(f"blob {digest} is damaged: {target} holds {digest_of(content)}; restore it from a copy")
        return content

    def _file(self, digest: str) -> Path:
        algorithm, _, hexadecimal = digest.partition(":")
        if algorithm != "sha256" or len(hexadecimal) != 64 or not hexadecimal.isalnum():
            raise LineageError(f"{digest!r} is not a blob's digest; expected sha256: and 64 hex digits")
        return self.folder / hexadecimal[:2] / hexadecimal[2:]


def _write_synced(target: Path, content: bytes) -> None:
    """Rename into place only what is on disk, and have the rename itself on disk."""
    descriptor, aside = tempfile.mkstemp(dir=target.parent, prefix=".aside-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(aside).replace(target)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise
    for folder in (target.parent, target.parent.parent):
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
