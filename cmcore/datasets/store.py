"""Datasets: the versions of all datasets of a project; taken, found, compared, checked out and kept whole.

A version is a row in the state database; its bytes are in the chunk store before the row is, and the lineage is told
after it. Killed in between, what is left is garbage or is told the next time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from cmcore.datasets import version as rows
from cmcore.datasets.checkout import CheckedOut, Held, check_out
from cmcore.datasets.chunks import ChunkStore, Kept
from cmcore.datasets.content import files_in
from cmcore.datasets.file import DataFile
from cmcore.datasets.folder import files_of, look_of
from cmcore.datasets.format import ForeignData
from cmcore.datasets.garbage import GRACE_S, InUse, old_ones
from cmcore.datasets.manifest import DataManifest
from cmcore.datasets.missing import Known, missing
from cmcore.datasets.names import Reference, checked_dataset
from cmcore.datasets.place import Place
from cmcore.datasets.recording import Recorder
from cmcore.datasets.taking import Progress, looked_at, nobody, taken
from cmcore.datasets.version import Attached, Version
from cmcore.errors import StorageError
from cmcore.events import Event, EventKind
from cmcore.lineage.store import LineageStore
from cmcore.state.database import StateDatabase
from cmcore.state.journal import record
from cmcore.state.lease import COLLECTION, refuse_while_held

BATCH = 5000  # files deleted in one transaction, which makes other writers wait
TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is said of a version when it is taken; `attached` are artifacts by kind, such as `schema`."""

    message: str = ""
    span: int | None = None
    attached: Mapping[str, Attached] = field(default_factory=dict)


UNSAID = About()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The version that a snapshot made, or found where nothing has changed."""

    version: Version
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One file of one version that cannot be read as it was snapshotted."""

    version: str
    path: str
    reason: str


class Datasets:
    """All datasets of one state database, their chunks under one folder of this machine."""

    def __init__(
        self,
        database: StateDatabase,
        *,
        root: Path,
        lineage: LineageStore,
        project: str = "",
        actor: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._lineage = lineage
        self._project = project
        self._actor = actor
        self._clock = clock
        self.chunks = ChunkStore(root)

    def snapshot(self, path: Path, dataset: str, about: About = UNSAID, *, progress: Progress = nobody) -> Snapshot:
        """Take a folder or a file as the next version of a dataset, unless the newest one of its span is equal.

        Raises StorageError where files change meanwhile, or cannot be in a version, and LeaseHeldError where something
        is attached while it is decided what is collected.
        """
        before = look_of(path)
        if self.chunks.root.resolve().is_relative_to(path.resolve()):
            raise StorageError(
                f"{str(path)!r} holds the chunk store {str(self.chunks.root)!r}: name a folder beside it"
            )

        def unchanged() -> None:
            if look_of(path) != before:
                raise StorageError(
                    f"{str(path)!r} changed while it was read: wait for everything that writes it to end"
                )

        made = self._take(dataset, files_of(path), path.resolve().as_uri(), about, unchanged, progress)
        self._tell_folder(made.version, path.resolve())
        return made

    def adopt(
        self, data: ForeignData, dataset: str, source: str, about: About = UNSAID, *, progress: Progress = nobody
    ) -> Snapshot:
        """Take what a data format has read as the next version of a dataset."""
        return self._take(dataset, data.files, source, about, lambda: None, progress)

    def versions(self, dataset: str = "") -> list[Version]:
        """The versions of one dataset or of all; by name, the newest first."""
        with self._database.reading() as connection:
            return rows.listed(connection, dataset=dataset)

    def get(self, reference: Reference) -> Version:
        """The version that a reference means; raises NotFoundError naming what there is."""
        with self._database.reading() as connection:
            found = rows.named(connection, reference)
        if found is None:
            there = [Known(dataset=it.dataset, version=it.version, span=it.span) for it in self.versions()]
            raise missing(reference, there)
        return found

    def manifest(self, version: Version) -> DataManifest:
        """The files of a version with their chunks; raises StorageError where it is elsewhere, lost or damaged."""
        if self.is_elsewhere(version):
            raise StorageError(
                f"{version.reference} is kept in {version.store!r}, and this project keeps its data in "
                f"{str(self.chunks.root)!r}: go to the project that took it, or let both keep their data in one folder "
                "(stack.data)"
            )
        return self.chunks.read_manifest(version.manifest)

    def is_elsewhere(self, version: Version) -> bool:
        """Whether only another project with the same state database has the bytes."""
        return version.store != self._store and not self.chunks.has_manifest(version.manifest)

    def files(self, version: Version) -> tuple[DataFile, ...]:
        """The files of a version, to be opened."""
        return files_in(self.manifest(version), self.chunks)

    def look_at(self, path: Path, *, progress: Progress = nobody) -> DataManifest:
        """The manifest that a folder would have; nothing is kept."""
        return looked_at(files_of(path), where=str(path), progress=progress)

    def checkout(
        self, version: Version, folder: Path, *, force: bool = False, progress: Progress = nobody
    ) -> CheckedOut:
        """Make a folder hold exactly a version, and record that it does; see `cmcore.datasets.checkout.check_out`."""

        def known() -> set[Held]:
            ours = (each for each in self.versions(version.dataset) if not self.is_elsewhere(each))
            manifests = map(self.manifest, ours)
            return {(file.path, file.sha256) for each in manifests for file in each.files}

        done = check_out(self.manifest(version), self.chunks, folder, known=known, force=force, progress=progress)
        if not done.strangers:
            self.settle()
            self._tell_folder(version, done.folder)
        return done

    def damage(self, versions: Sequence[Version], *, progress: Progress = nobody) -> list[Damage]:
        """Every file of these versions that is not whole; each chunk is read once."""
        return list(self._damage(versions, progress))

    def settle(self) -> None:
        """Tell the lineage of versions that it was not told of, because somebody was killed in between."""
        with self._database.reading() as connection:
            pending = rows.unrecorded(connection, self._store)
        for version in pending:
            self._recorder.version(version, self._place(version))
            with self._database.writing() as connection:
                rows.mark_recorded(connection, version)

    def garbage(self) -> list[tuple[str, int]]:
        """What killed snapshots have left, as (file URI, size in bytes); nothing that is younger than an hour."""
        return [(kept.file.as_uri(), kept.size) for kept in self._leftovers()[0]]

    def collect(self) -> int:
        """Delete the garbage; the bytes that are free again. Snapshots may be taken at the same time."""
        freed = 0
        found, used = self._leftovers()
        for start in range(0, len(found), BATCH):
            with self._database.writing() as connection:
                rows.store_name(connection, lock=True)
                used.learn(self._needed(connection))
                for kept in found[start : start + BATCH]:
                    if kept.name not in used:
                        self.chunks.remove(kept)
                        freed += kept.size
        return freed

    @property
    def _store(self) -> str:
        return str(self.chunks.root)

    @cached_property
    def _store_name(self) -> str:
        with self._database.reading() as connection:
            return rows.store_name(connection)

    @cached_property
    def _recorder(self) -> Recorder:
        return Recorder(lineage=self._lineage, project=self._project, actor=self._actor, store=self._store_name)

    def _place(self, version: Version) -> Place:
        return Place(root=self.chunks.root, manifest=version.manifest)

    def _take(
        self,
        dataset: str,
        files: Sequence[DataFile],
        source: str,
        about: About,
        unchanged: Callable[[], None],
        progress: Progress,
    ) -> Snapshot:
        checked_dataset(dataset)
        if not files:
            raise StorageError(f"{source!r} has no files: there is nothing to snapshot")
        self.chunks.claim(self._store_name)
        for _ in range(TRIES):
            manifest = taken(files, self.chunks, where=source, progress=progress)
            unchanged()
            made = self._commit(dataset, manifest, self.chunks.put_manifest(manifest), source, about)
            if made is not None:
                self.settle()
                return made
        raise StorageError(
            f"chunks of {source!r} were deleted {TRIES} times while it was read: is {self.chunks.root} tidied?"
        )

    def _commit(self, dataset: str, manifest: DataManifest, name: str, source: str, about: About) -> Snapshot | None:
        """Add the row and its event; None where chunks were collected meanwhile and must be kept again."""
        with self._database.writing() as connection:
            if about.attached:
                refuse_while_held(connection, COLLECTION)
            rows.store_name(connection, lock=True)
            if self.chunks.missing(manifest.chunks()) or not self.chunks.has_manifest(name):
                return None
            newest = rows.newest(connection, dataset, about.span)
            if newest is not None and newest.manifest == name:  # the digest does not tell who may execute a file
                return Snapshot(version=self._attach(connection, newest, about), new=False)
            last = rows.named(connection, Reference(dataset=dataset))
            version = Version(
                dataset=dataset,
                version=last.version + 1 if last else 1,
                span=about.span,
                digest=manifest.digest,
                manifest=name,
                store=self._store,
                files=len(manifest.files),
                size=manifest.size,
                rows=manifest.rows,
                message=about.message,
                actor=self._actor,
                created_at=self._clock(),
                source=source,
                attached=about.attached,
            )
            rows.insert(connection, version)
            self._announce(connection, version, new=True)
            return Snapshot(version=version, new=True)

    def _attach(self, connection: sa.Connection, version: Version, about: About) -> Version:
        """The version with what is newly attached to it: a schema may be made of a version after it was taken."""
        attached = {**version.attached, **about.attached}
        if attached == dict(version.attached):
            return version
        described = replace(version, attached=attached)
        rows.attach(connection, described)
        self._announce(connection, described, new=False)
        return described

    def _announce(self, connection: sa.Connection, version: Version, *, new: bool) -> None:
        event = Event(kind=EventKind.DATA_SNAPSHOTTED, at=self._clock(), data={**version.document(), "new": new})
        record(connection, [event])

    def _tell_folder(self, version: Version, folder: Path) -> None:
        artifact = self._recorder.version(version, self._place(version))
        self._recorder.folder(version, artifact, folder.as_uri())

    def _damage(self, versions: Sequence[Version], progress: Progress) -> Iterator[Damage]:
        verdicts: dict[str, str] = {}
        for version in versions:
            try:
                manifest = self.manifest(version)
            except StorageError as error:
                yield Damage(version=version.reference, path="", reason=str(error))
                continue
            for file in manifest.files:
                for chunk in file.chunks:
                    if chunk.sha256 not in verdicts:
                        verdicts[chunk.sha256] = self.chunks.fault(chunk)
                    progress(chunk.size)
                if reasons := [verdicts[chunk.sha256] for chunk in file.chunks if verdicts[chunk.sha256]]:
                    yield Damage(version=version.reference, path=file.path, reason=reasons[0])

    def _needed(self, connection: sa.Connection) -> list[str]:
        """Manifests of versions of this store, and those of others that are here, too, as after a move."""
        there = rows.manifests(connection)
        return [name for store, name in there if store == self._store or self.chunks.has_manifest(name)]

    def _leftovers(self) -> tuple[list[Kept], InUse]:
        found = old_ones(self.chunks, before=self._clock() - GRACE_S)  # before the versions, of which some may be new
        used = InUse(self.chunks)
        with self._database.reading() as connection:
            used.learn(self._needed(connection))
        return [kept for kept in found if kept.name not in used], used
