"""Logs of attempts: what executors print, in one file per attempt up to a cap. Showing them is the face's affair."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import TextIOBase
from pathlib import Path
from typing import IO, TextIO

from cmcore.address import Address

CAP_BYTES = 16 * 1024 * 1024
DRAIN_READS = 64  # a pipe holds 64 KiB, so this is plenty for what was written before


def log_path(folder: Path, address: Address) -> Path:
    """Where the log of one attempt lies."""
    item = f"@{address.item}" if address.item else ""
    return folder / address.run / f"{address.node}{item}.{address.attempt}.log"


def log_paths(folder: Path, run: str, node: str = "") -> list[Path]:
    """The logs of a run, of one node or of all, in the order of their names."""
    return sorted((folder / run).glob(f"{node}.*.log" if node else "*.log"))


def tail(path: Path, lines: int) -> Iterator[str]:
    """The last lines of a log; all of them for 0."""
    text = path.read_text(encoding="utf-8", errors="backslashreplace").splitlines()
    yield from text[-lines:] if lines else text


class AttemptLog:
    """Takes an attempt's output as it comes; makes the file at the first byte, and stops at the cap and says so."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None
        self._written = 0
        self._dropped = 0

    def write(self, chunk: bytes) -> None:
        """Append bytes, as far as the cap allows."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab")
        kept = chunk[: max(0, CAP_BYTES - self._written)]
        self._file.write(kept)
        self._written += len(kept)
        self._dropped += len(chunk) - len(kept)

    def close(self) -> None:
        """Write what is left; a truncated log says how much is missing."""
        if self._file is not None:
            if self._dropped:
                self._file.write(f"\n[{self._dropped} bytes more were printed and not kept]\n".encode())
            self._file.close()
            self._file = None


class Tee(TextIOBase):
    """A text stream that an attempt's log reads along with."""

    def __init__(self, stream: TextIO, log: AttemptLog) -> None:
        self._stream, self._log = stream, log

    def write(self, text: str) -> int:
        """Write to both."""
        self._log.write(text.encode(errors="backslashreplace"))
        return self._stream.write(text)

    def flush(self) -> None:
        """Empty the stream's own buffer."""
        self._stream.flush()


@contextmanager
def logged(log: AttemptLog) -> Iterator[None]:
    """What this process prints by Python's own streams is also kept in a log."""
    try:
        with redirect_stdout(Tee(sys.stdout, log)), redirect_stderr(Tee(sys.stderr, log)):
            yield
    finally:
        log.close()


def drain(fd: int, log: AttemptLog | None, *, patience_s: float = 0.0) -> None:
    """Move what a non-blocking pipe holds now into a log; without one it is dropped.

    With `patience_s`, what its writers still write counts too, until they have closed it. A bounded number of reads,
    because a process that an executor left behind may never stop printing.
    """
    for _ in range(DRAIN_READS):
        if patience_s and not select.select([fd], [], [], patience_s)[0]:
            return
        try:
            chunk = os.read(fd, 262_144)
        except BlockingIOError:
            return
        if not chunk:
            return
        if log is not None:
            log.write(chunk)
