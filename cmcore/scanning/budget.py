"""How much a scan may read, expand and descend before it gives up: what cannot be looked into within it is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

MIB = 1 << 20


class TooMuchError(Exception):
    """A limit was reached: what is looked at is a bomb, or larger than anything that we can vouch for."""


class DamagedError(Exception):
    """What claims to be of a format cannot be read as that format, so nobody can say what a laxer reader would find."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """For one folder: `seconds`, `files`. For one file of it: `entries` of archives, `depth` of archives in archives,
    `steps` of pickles beside those that its size explains, and bytes that come out of compressed parts: `free_bytes` at
    any rate, then `ratio` times the file's size."""

    files: int = 100_000
    folders: int = 64
    entries: int = 20_000
    depth: int = 6
    ratio: int = 100
    free_bytes: int = 32 * MIB
    expanded_bytes: int = 16 * 1024 * MIB
    steps: int = 2_000_000
    seconds: float = 900.0


class Budget:
    """What is left of the limits while one file is looked at."""

    def __init__(self, limits: Limits, *, size: int, deadline: float, clock: Callable[[], float] = time.monotonic):
        self.limits = limits
        self._size = size
        self._deadline = deadline
        self._clock = clock
        self._entries = 0
        self._expanded = 0
        self._steps = 0

    def expand(self, count: int) -> None:
        """Bytes came out of a compressed part."""
        self._expanded += count
        allowed = min(self.limits.expanded_bytes, max(self.limits.free_bytes, self.limits.ratio * self._size))
        if self._expanded > allowed:
            raise TooMuchError(
                f"more than {allowed // MIB} MiB come out of {self._size} bytes: a decompression bomb, or data to be "
                f"stored uncompressed"
            )
        self.check_time()

    def enter(self, count: int = 1) -> None:
        """Entries of an archive are looked at."""
        self._entries += count
        if self._entries > self.limits.entries:
            raise TooMuchError(f"archives with more than {self.limits.entries} entries")

    def descend(self, depth: int) -> None:
        """Something inside something inside something."""
        if depth > self.limits.depth:
            raise TooMuchError(f"archives in archives, more than {self.limits.depth} deep")

    def step(self, count: int) -> None:
        """Operations of pickles were followed."""
        self._steps += count
        if self._steps > self.limits.steps + self._size // 16:
            raise TooMuchError(f"{self._steps} operations of what looks like pickles, and no end")
        self.check_time()

    def check_time(self) -> None:
        """The time that a scan may take is over, or not."""
        if self._clock() > self._deadline:
            raise TooMuchError(f"not looked through within {self.limits.seconds:.0f} s")
