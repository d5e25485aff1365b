"""The place in an object store, through fsspec: staged on a local disk, uploaded, the manifest last.

Local roots never come here, so that local work does not import fsspec.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast
from uuid import uuid4

import fsspec

from cmcore.errors import StorageError
from cmcore.storage.cache import STAGING_PREFIX, PayloadCache
from cmcore.storage.errors import StorageUnusableError, disk_errors, object_errors
from cmcore.storage.hashing import Written
from cmcore.storage.location import manifest_uri, protocol
from cmcore.storage.manifest import Manifest
from cmcore.storage.place import Observed
from cmcore.storage.sealing import Sealing, refuse_changes

BATCH_FILES = 500
_STAMPS = ("ETag", "etag", "md5Hash", "md5", "generation", "LastModified", "last_modified", "mtime", "created")


class ObjectStore:
    """A prefix in a bucket. `cache` keeps staged outputs and verified copies.

    fsspec's asynchronous file systems own a thread and an event loop, which do not survive a fork: each process
    makes its own at first use, outside fsspec's instance cache.
    """

    def __init__(self, root: str, *, options: Mapping[str, object], cache: Path | None) -> None:
        self._root = root
        self._options = options
        self._cache = cache
        self._made: tuple[int, fsspec.AbstractFileSystem] | None = None

    def check(self) -> None:
        probe = f"{self._root}/.check-{uuid4().hex}"
        try:
            with object_errors("write to", self._root):
                self._files.pipe_file(probe, b"")
                self._files.rm_file(probe)
        except StorageError as error:
            raise StorageUnusableError(
                f"{error}. Make the bucket, or check name, credentials and options of the stack's artifact store"
            ) from error

    def observe(self, uri: str) -> list[Observed]:
        with object_errors("list", uri):
            infos = self._files.find(uri, detail=True)
        found = [_observed(self._relative(uri, path), info) for path, info in infos.items()]
        return sorted(found, key=lambda file: file.path)

    def reader(self, uri: str) -> Callable[[str], BinaryIO]:
        def opened(path: str) -> BinaryIO:
            with object_errors("read", f"{uri}/{path}"):
                return cast(BinaryIO, self._files.open(self._file(uri, path), "rb"))

        return opened

    def read_manifest(self, uri: str) -> Manifest:
        where = manifest_uri(uri)
        with object_errors("read the manifest", where):
            content = self._files.cat_file(where)
        return Manifest.parse(content, where)

    def begin(self, uri: str) -> Path:
        with object_errors("list", uri):
            if self._files.exists(manifest_uri(uri)):
                raise StorageError(f"{uri!r} exists: a payload is written once; use a new attempt")
        with disk_errors("make a staging folder in", str(self._cache or tempfile.gettempdir())):
            if self._cache:
                self._cache.mkdir(parents=True, exist_ok=True)
            return Path(os.path.realpath(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=self._cache)))

    def seal(self, uri: str, folder: Path, *, written: Mapping[str, Written], forbidden: Sequence[bytes]) -> Manifest:
        with disk_errors("seal", str(folder)):
            staged = Sealing(written=written, forbidden=forbidden, durable=False).manifest(str(folder))
        self._upload(folder, uri, staged)
        with disk_errors("seal", str(folder)):
            refuse_changes(str(folder), staged)
        manifest = self._stored(uri, staged)
        self._write_new(manifest_uri(uri), manifest.encode())
        self.discard(uri, folder)
        return manifest

    def discard(self, uri: str, folder: Path) -> None:
        del uri
        shutil.rmtree(folder, ignore_errors=True)

    def localise(self, uri: str, digest: str | None) -> Path:
        if self._cache is None:
            raise StorageError(f"{uri!r} cannot be read here: give the stack's artifact store a local cache folder")
        cache = PayloadCache(self._cache)
        kept = cache.find(digest) if digest else None
        copy = kept or cache.add(uri, digest, lambda folder: self._download(uri, folder))
        return copy / PurePosixPath(uri).name if self._is_file(uri) else copy

    def names(self) -> Iterator[tuple[str, int]]:
        with object_errors("list", self._root):
            infos = self._files.find(self._root, detail=True)
        for path, info in infos.items():
            yield self._relative(self._root, path), int(info["size"])

    def remove(self, uri: str) -> None:
        with object_errors("delete", uri):
            for doomed in (manifest_uri(uri), *self._files.find(uri)):
                if self._files.exists(doomed):
                    self._files.rm_file(doomed)

    @property
    def _files(self) -> fsspec.AbstractFileSystem:
        made = self._made
        if made is None or made[0] != os.getpid():  # two threads may make two: harmless, and a lock would not fork well
            options = {"skip_instance_cache": True, "use_listings_cache": False, **self._options}
            made = self._made = os.getpid(), fsspec.filesystem(protocol(self._root), **options)
        return made[1]

    def _upload(self, folder: Path, uri: str, manifest: Manifest) -> None:
        paths = [entry.path for entry in manifest.files]
        with object_errors("upload", uri):
            for batch in _batches(paths):
                self._files.put([f"{folder}/{path}" for path in batch], [f"{uri}/{path}" for path in batch])

    def _download(self, uri: str, folder: Path) -> None:
        paths = [file.path for file in self.observe(uri)]
        if not paths:
            self.read_manifest(uri)  # an empty payload, or none at all
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with object_errors("download", uri):
            for batch in _batches(paths):
                self._files.get([self._file(uri, path) for path in batch], [f"{folder}/{path}" for path in batch])

    def _stored(self, uri: str, staged: Manifest) -> Manifest:
        """The manifest with the store's own stamps; raises StorageError where the store shows something else."""
        there = {file.path: file for file in self.observe(uri)}
        expected = {entry.path: entry.size for entry in staged.files}
        if expected != {file.path: file.size for file in there.values()}:
            raise StorageError(f"{uri!r} does not show what was uploaded: {len(there)} files, sent {len(expected)}")
        return Manifest(files=staged.files, stamps=tuple(there[entry.path].stamp for entry in staged.files))

    def _write_new(self, uri: str, content: bytes) -> None:
        with object_errors("write the manifest", uri):
            self._files.pipe_file(uri, content, mode="create")

    def _file(self, uri: str, path: str) -> str:
        return uri if PurePosixPath(uri).name == path and self._is_file(uri) else f"{uri}/{path}"

    def _is_file(self, uri: str) -> bool:
        """Whether a URI names one file: only imported data, which is a place of its own, may."""
        with object_errors("look at", uri):
            return uri == self._root and bool(self._files.isfile(uri))

    def _relative(self, uri: str, found: str) -> str:
        """A name as `find` gives it (with or without protocol and leading slash), relative to the URI."""
        base, name = (text.removeprefix(f"{protocol(self._root)}://").strip("/") for text in (uri, found))
        return PurePosixPath(name).name if name == base else name.removeprefix(base + "/")


def _observed(path: str, info: Mapping[str, object]) -> Observed:
    stamp = next((str(info[key]) for key in _STAMPS if info.get(key)), "")
    return Observed(path=path, size=int(str(info["size"])), stamp=stamp)


def _batches(items: Sequence[str]) -> Iterator[Sequence[str]]:
    return (items[start : start + BATCH_FILES] for start in range(0, len(items), BATCH_FILES))
