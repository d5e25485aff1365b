"""TableStore: the embedding tables of one model in LMDB, generation beside generation; one writes, many read.

A generation is what one deployment gave: for each table a version, and the folder of the model that goes with them.
The switch to it is one transaction. Versions that two generations share lie here once. What reads them for a server
is `predictor`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Protocol

import lmdb
import numpy as np

from cmcore.errors import StorageError, UsageError
from cmcore_hps.serving.instances import instances
from cmcore_hps.serving.predictor import ADDRESS_SPACE, MAX_TABLES
from cmcore_hps.serving.sparse import Keys, SparseFolder, Vectors

if TYPE_CHECKING:
    from lmdb import _Database  # what `open_db` gives; it has no public name

TRANSACTION_BYTES = 64 * 2**20
WRITER_TIMEOUT_S = 600.0  # an insertion of a billion rows takes so long
POLL_S = 0.05


class Progress(Protocol):
    """Who is told how far a table is: its name, rows done, rows in all."""

    def __call__(self, table: str, done: int, rows: int, /) -> None: ...


def silent(table: str, done: int, rows: int, /) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTable:
    """One version of a table: `version` is the digest of everything that went into it, `source` of the last of it."""

    name: str
    version: str
    source: str
    slot: str
    width: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Tables and the folder of the model that was deployed with them; `content` is the digest of what else it has."""

    name: str
    number: int
    content: str
    folder: str
    tables: tuple[StoredTable, ...]


class TableStore:
    """The store in a folder, open to write; use it as a context. Only one process can have it, others wait.

    Raises StorageError where it cannot be opened, or another process has it for more than `wait_s`.
    """

    def __init__(self, root: Path, *, wait_s: float = WRITER_TIMEOUT_S) -> None:
        self._path, self._counters, self._wait_s = root / "tables", root / "counters", wait_s
        self._path.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> TableStore:
        with ExitStack() as opened:
            lock_within(opened.enter_context((self._path / "writer").open("a+")), self._wait_s)
            try:
                self._environment = lmdb.open(
                    str(self._path), max_dbs=MAX_TABLES, map_size=ADDRESS_SPACE, max_readers=1024
                )
                opened.callback(self._environment.close)
                self._environment.reader_check()
                self._meta = self._environment.open_db(b"meta")
            except lmdb.Error as error:
                raise StorageError(f"the table store {self._path} cannot be opened: {error}") from error
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()
        if isinstance(error, lmdb.Error):
            raise StorageError(f"the table store {self._path} cannot be used: {error}") from error

    def generations(self) -> list[Generation]:
        """All that there are, the oldest first."""
        with self._environment.begin(db=self._meta) as snapshot:
            found = [generation_of(value) for key, value in snapshot.cursor() if key.startswith(b"generation:")]
        return sorted(found, key=lambda each: each.number)

    def current(self) -> Generation | None:
        """The one that the model has now."""
        with self._environment.begin(db=self._meta) as snapshot:
            name = snapshot.get(b"current")
            record = snapshot.get(b"generation:" + name) if name else None
            return generation_of(record) if record else None

    def insert(
        self, tables: Sequence[tuple[str, SparseFolder]], *, fresh: bool = False, progress: Progress = silent
    ) -> tuple[StoredTable, ...]:
        """The versions that these sparse models make of the tables, stored but seen by nobody until `switch`.

        Their rows are added to the model's current tables and overwrite those of the same key, as HPS does; `fresh`
        begins anew. The same sparse models again are the same versions and cost their digest. A kill leaves rows that
        nobody sees, and that the next insertion takes away. Raises UsageError for a sparse model that is wrong.
        """
        current = self.current()
        before = {} if fresh or current is None else {table.name: table for table in current.tables}
        versions: list[StoredTable] = []
        for name, sparse in tables:
            versions.append(self._version(name, sparse, before.get(name), {each.slot for each in versions}, progress))
        return tuple(versions)

    def switch(self, tables: Sequence[StoredTable], content: str, folder: Callable[[str], Path]) -> Generation:
        """Make the tables the current ones, with the folder that `folder(name)` gives, in one transaction.

        What is current already stays as it is, and `folder` is not called. Older generations are forgotten with their
        rows, but for the one before and those that some instance answers from.
        """
        current = self.current()
        if current is not None and (current.tables, current.content) == (tuple(tables), content):
            return current
        before = self.generations()
        number = max((each.number for each in before), default=0) + 1
        name = f"{number}-{_digest([content, *(table.version for table in tables)])[:12]}"
        made = Generation(name=name, number=number, content=content, folder=str(folder(name)), tables=tuple(tables))
        in_use = {instance.generation for instance in instances(self._counters)}
        kept = [*(each for each in before if each.name in in_use or each == current), made]
        with self._environment.begin(db=self._meta, write=True) as change:
            for generation in before:
                change.delete(b"generation:" + generation.name.encode())
            for generation in kept:
                change.put(b"generation:" + generation.name.encode(), json.dumps(asdict(generation)).encode())
            change.put(b"current", name.encode())
        self._clear(table.slot for generation in kept for table in generation.tables)
        return made

    def recall(self, generation: Generation, *, instead_of: Generation) -> bool:
        """Make an earlier generation the current one again; whether it is: what came after `instead_of` stays.

        Raises StorageError where the earlier one is gone.
        """
        with self._environment.begin(db=self._meta, write=True) as change:
            if change.get(b"current") != instead_of.name.encode():
                return False
            if change.get(b"generation:" + generation.name.encode()) is None:
                raise StorageError(f"generation {generation.name} is not in {self._path} any more; deploy it again")
            change.put(b"current", generation.name.encode())
            return True

    def rows(self, table: StoredTable) -> Iterator[tuple[int, Vectors]]:
        """Every key of a table with its vector, for tests and exports."""
        database = self._environment.open_db(table.slot.encode(), integerkey=True, create=False)
        with self._environment.begin(db=database) as snapshot:
            for key, value in snapshot.cursor():
                yield int(np.frombuffer(key, np.int64)[0]), np.frombuffer(value, np.float32)

    def _version(
        self, name: str, sparse: SparseFolder, before: StoredTable | None, taken: set[str], progress: Progress
    ) -> StoredTable:
        source = sparse.digest()
        if before is not None and before.source == source:
            return before
        if before is not None and before.width != sparse.width:
            raise UsageError(
                f"table {name!r} has vectors of {before.width} numbers, and {sparse.folder} of {sparse.width}; a model "
                "of another shape gets another name"
            )
        slot = self._free_slot(taken)
        rows = self._fill(slot, name, sparse, before, progress)
        version = _digest([before.version if before else "", source])
        return StoredTable(name=name, version=version, source=source, slot=slot, width=sparse.width, rows=rows)

    def _free_slot(self, taken: set[str]) -> str:
        """The first place that no generation uses: places are used again, because LMDB's handles never go away."""
        used = taken | {table.slot for generation in self.generations() for table in generation.tables}
        return next(slot for slot in (f"slot:{number}" for number in count()) if slot not in used)

    def _fill(self, slot: str, name: str, sparse: SparseFolder, before: StoredTable | None, progress: Progress) -> int:
        database = self._environment.open_db(slot.encode(), integerkey=True)
        with self._environment.begin(write=True) as change:
            change.drop(database, delete=False)
        if before is not None:
            self._copy(before, database)
        done = 0
        for batch in _together(sparse.batches(), TRANSACTION_BYTES):
            with self._environment.begin(db=database, write=True) as change:
                for keys, vectors in batch:
                    change.cursor().putmulti(_items(keys, vectors), append=before is None)
                    done += len(keys)
            progress(name, done, sparse.rows)
        with self._environment.begin(db=database) as snapshot:
            return int(snapshot.stat(database)["entries"])

    def _copy(self, before: StoredTable, database: _Database) -> None:
        source = self._environment.open_db(before.slot.encode(), integerkey=True, create=False)
        per_transaction = max(1, TRANSACTION_BYTES // (4 * before.width + 8))
        with self._environment.begin(db=source) as snapshot:
            everything = iter(snapshot.cursor())
            for first in everything:
                with self._environment.begin(db=database, write=True) as change:
                    change.cursor().putmulti(_some(first, everything, per_transaction), append=True)

    def _clear(self, kept: Iterator[str]) -> None:
        """Empty the places that nobody uses; those who still read an old snapshot keep it."""
        used = {slot.encode() for slot in kept}
        with self._environment.begin() as snapshot:
            slots = [key for key, _ in snapshot.cursor() if key.startswith(b"slot:")]
        for slot in slots:
            if slot not in used:
                database = self._environment.open_db(slot, integerkey=True, create=False)
                with self._environment.begin(write=True) as change:
                    change.drop(database, delete=False)


def lock_within(writer: IO[str], wait_s: float) -> None:
    """Hold the file as its only writer, and say in it who does; raises StorageError where another one keeps it."""
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(writer, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > until:
                writer.seek(0)
                raise StorageError(
                    f"{writer.name} has been held by process {writer.read().strip() or '(unknown)'} for {wait_s:g} s; "
                    "it stores tables: try again when it has finished, or end it if it hangs"
                ) from None
            time.sleep(POLL_S)
    writer.truncate(0)
    writer.write(f"{os.getpid()}\n")
    writer.flush()


def generation_of(text: bytes) -> Generation:
    """A generation as the store keeps it."""
    document = json.loads(text)
    return Generation(**{**document, "tables": tuple(StoredTable(**table) for table in document["tables"])})


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _items(keys: Keys, vectors: Vectors) -> list[tuple[bytes, bytes]]:
    values = np.ascontiguousarray(vectors).view(f"V{vectors.shape[1] * 4}").reshape(-1)
    return list(zip(keys.view("V8").tolist(), values.tolist(), strict=True))


def _together(batches: Iterator[tuple[Keys, Vectors]], size: int) -> Iterator[list[tuple[Keys, Vectors]]]:
    """Batches in lists of about `size` bytes."""
    held: list[tuple[Keys, Vectors]] = []
    for keys, vectors in batches:
        held.append((keys, vectors))
        if sum(each.nbytes for _, each in held) >= size:
            yield held
            held = []
    if held:
        yield held


def _some(
    first: tuple[bytes, bytes], others: Iterator[tuple[bytes, bytes]], number: int
) -> Iterator[tuple[bytes, bytes]]:
    """The first of them, and so many more at most."""
    yield first
    for _, item in zip(range(number - 1), others, strict=False):
        yield item
