"""Sealing a folder on disk: every file hashed, searched, made read-only and synced, and nothing changed meanwhile.

Writing the manifest, and what an object store needs, is left to the places.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cmcore.errors import StorageError
from cmcore.storage.errors import SecretFoundError
from cmcore.storage.hashing import ForbiddenFound, Written, digest_stream, step_back
from cmcore.storage.manifest import FileEntry, Manifest
from cmcore.storage.tree import Tree, open_inside, tree_of

_WRITE_BITS = 0o222


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """How to seal: `written` are hashes taken while writing, `forbidden` bytes that must not be stored.

    A staging folder whose files are about to be uploaded need not be `durable`.
    """

    written: Mapping[str, Written] = field(default_factory=dict)
    forbidden: Sequence[bytes] = ()
    durable: bool = True

    def manifest(self, root: str) -> Manifest:
        """Seal all files and sub-folders of a folder without links in its path, then check that nobody touched them."""
        tree = tree_of(root)
        _refuse_names(tree, self.forbidden)
        in_order = sorted(tree.files, key=tree.links.__contains__)  # a file's time is settled before a link shows it
        manifest = Manifest.of([self._sealed(root, name, link=name in tree.links) for name in in_order])
        if self.durable:
            for name in reversed(tree.folders):
                sync_folder(f"{root}/{name}")
            sync_folder(root)
        refuse_changes(root, manifest)
        return manifest

    def _sealed(self, root: str, name: str, *, link: bool) -> tuple[FileEntry, str]:
        descriptor = open_inside(root, name)
        try:
            before = os.fstat(descriptor)
            known = self.written.get(name)
            if known and not self.forbidden and _unchanged(known, before):
                digest, size = known.sha256, known.size
            else:
                if not link:
                    before = step_back(descriptor)
                digest, size = digest_stream(partial(os.read, descriptor), self.forbidden)
            if self.durable:
                _keep(descriptor, before)
            after = os.fstat(descriptor)
        except ForbiddenFound as found:
            raise SecretFoundError(f"{name!r} in {root!r} holds the value of a secret: do not write it") from found
        finally:
            os.close(descriptor)
        if (size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise _changed(root, name, f"{before.st_size} bytes before, {after.st_size} after")
        return FileEntry(path=name, size=size, sha256=digest), str(after.st_mtime_ns)


def refuse_changes(root: str, manifest: Manifest) -> None:
    """Raise StorageError where files of a folder no longer look as they did when they were sealed."""
    now = tree_of(root).files
    known = {entry.path: (entry.size, stamp) for entry, stamp in zip(manifest.files, manifest.stamps, strict=True)}
    if set(now) != known.keys():
        raise _changed(root, min(set(now) ^ known.keys()), "it came or went")
    for name in now:
        state = Path(root, name).stat()
        if (state.st_size, str(state.st_mtime_ns)) != known[name]:
            raise _changed(root, name, f"{known[name][0]} bytes then, {state.st_size} now")


def sync_folder(path: str) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unchanged(known: Written, now: os.stat_result) -> bool:
    return (known.size, known.mtime_ns) == (now.st_size, now.st_mtime_ns)


def _keep(descriptor: int, state: os.stat_result) -> None:
    """Read-only and on disk. A hard link's other name may belong to somebody else: its mode stays."""
    if state.st_nlink == 1 and state.st_mode & _WRITE_BITS:
        os.fchmod(descriptor, state.st_mode & ~_WRITE_BITS & 0o7777)
    os.fsync(descriptor)


def _refuse_names(tree: Tree, forbidden: Sequence[bytes]) -> None:
    for value in forbidden:
        if value and any(value in name.encode() for name in (*tree.files, *tree.folders)):
            raise SecretFoundError(f"the name of a file in {tree.root!r} holds the value of a secret: do not write it")


def _changed(root: str, name: str, what: str) -> StorageError:
    return StorageError(
        f"{name!r} in {root!r} changed while it was being sealed ({what}): wait for everything that writes it to end"
    )
