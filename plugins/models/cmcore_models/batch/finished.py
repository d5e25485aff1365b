"""Finished shards, kept in a folder until all of them are there. A kill at any moment leaves each whole or absent."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import file_digest
from pathlib import Path

from pydantic import ValidationError

from cmcore_models.batch.document import Finished
from cmcore_models.batch.shards import Shard

PART = ".part"
LOOK_S = 0.1


def shard_file(folder: Path, digest: str) -> Path:
    """Where the rows of a shard lie once it is finished."""
    return folder / f"{digest}.parquet"


def record_file(folder: Path, digest: str) -> Path:
    """Where its record lies, which is written last."""
    return folder / f"{digest}.json"


def keep(part: Path, folder: Path, digest: str, rows_in: int, bad_rows: int, first_bad: str) -> Finished:
    """Make the file that a worker has written the shard's own, then its record; both are on disk when this returns."""
    sync(part)
    done = Finished(
        rows_in=rows_in, rows_out=rows_in, bad_rows=bad_rows, first_bad=first_bad, sha256=content_digest(part)
    )
    part.replace(shard_file(folder, digest))
    record = part.with_suffix(f".json{PART}")
    record.write_text(done.model_dump_json(), encoding="utf-8")
    sync(record)
    record.replace(record_file(folder, digest))
    sync(folder)
    return done


def found(folder: Path, shard: Shard) -> Finished | None:
    """What an earlier attempt finished, if its bytes still are what it wrote."""
    try:
        done = Finished.model_validate_json(record_file(folder, shard.digest).read_bytes())
        return done if content_digest(shard_file(folder, shard.digest)) == done.sha256 else None
    except (OSError, ValidationError):
        return None


def hand_over(folder: Path, shard: Shard, target: Path) -> None:
    """The finished shard as a file of the output: the same bytes under a second name, or a copy on another disk."""
    source, output = shard_file(folder, shard.digest), target / shard.output_name
    try:
        os.link(source, output)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
            raise
        shutil.copyfile(source, output)


@contextmanager
def alone_in(folder: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Hold a folder, so that nobody else tidies it; `wait` is called while somebody does, and may raise."""
    with ExitStack() as stack:
        while not held(stack, folder):
            wait()
            time.sleep(LOOK_S)
        for part in folder.glob(f"*{PART}"):
            part.unlink(missing_ok=True)
        yield


def held(stack: ExitStack, folder: Path) -> bool:
    """Whether the folder is ours now, until the stack ends; not if it was tidied away while we took it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / ".lock"
    with ExitStack() as tried, suppress(BlockingIOError, FileNotFoundError):
        stream = tried.enter_context(lock.open("w"))
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(stream.fileno()), lock.stat()):
            stack.push(tried.pop_all())
            return True
    return False


def tidy(folder: Path) -> None:
    """Everything is handed over: the folder may go."""
    shutil.rmtree(folder, ignore_errors=True)


def content_digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
