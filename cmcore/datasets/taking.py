"""From files to a manifest: read once, cut and hashed, and new chunks written while the next are read."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256

from cmcore.datasets.chunks import ChunkStore
from cmcore.datasets.cutting import cut
from cmcore.datasets.file import DataFile
from cmcore.datasets.manifest import Chunk, DataEntry, DataManifest, name_of
from cmcore.datasets.names import checked_file
from cmcore.datasets.rows import counter_for
from cmcore.errors import StorageError

WRITERS = 4  # a disk syncs several files in the time that it takes for one
AHEAD = 64  # chunks in memory, 16 MiB at most

Keep = Callable[[Chunk, bytes], None]
Progress = Callable[[int], object]
"""Is told of every so many bytes that have been worked off."""


def nobody(count: int) -> None:
    """Progress that nobody wants to see."""
    del count


def looked_at(files: Iterable[DataFile], *, where: str, progress: Progress = nobody) -> DataManifest:
    """The manifest of files, of which nothing is kept."""
    return DataManifest.of([_entry(file, where, lambda chunk, content: None, progress) for file in files])  # noqa: ARG005


def taken(files: Iterable[DataFile], store: ChunkStore, *, where: str, progress: Progress = nobody) -> DataManifest:
    """The manifest of files, all chunks of which are in the store.

    Raises StorageError for a hostile name, and for a file that does not have the size that was announced.
    """
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = _Writing(pool, store)
        manifest = DataManifest.of([_entry(file, where, writing, progress) for file in files])
        writing.finish()
    return manifest


class _Writing:
    """Writes chunks that the store lacks in threads, not more than AHEAD at once."""

    def __init__(self, pool: ThreadPoolExecutor, store: ChunkStore) -> None:
        self._pool, self._store = pool, store
        self._pending: deque[Future[None]] = deque()

    def __call__(self, chunk: Chunk, content: bytes) -> None:
        if self._store.has(chunk):
            return
        if len(self._pending) >= AHEAD:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(self._store.put, chunk, content))

    def finish(self) -> None:
        """Wait for all of them; raises what one of them has raised."""
        while self._pending:
            self._pending.popleft().result()


def _entry(file: DataFile, where: str, keep: Keep, progress: Progress) -> DataEntry:
    path = checked_file(file.path, where)
    digest, rows, chunks = sha256(), counter_for(path), list[Chunk]()
    with file.open() as stream:
        for content in cut(stream):
            digest.update(content)
            rows.feed(content)
            chunks.append(Chunk(sha256=name_of(content), size=len(content)))
            keep(chunks[-1], content)
            progress(len(content))
    if (size := sum(chunk.size for chunk in chunks)) != file.size:
        raise StorageError(
            f"{path!r} of {where!r} had {file.size} bytes and gave {size}: wait for everything that writes it to end"
        )
    return DataEntry(
        path=path,
        size=size,
        sha256=digest.hexdigest(),
        executable=file.executable,
        rows=rows.rows,
        chunks=tuple(chunks),
    )
