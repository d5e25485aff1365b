"""Reading files once per process for as long as they do not change.

What is read, and what it means, is the callers'.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")
Stamp = tuple[int, int, int]

ABSENT: Stamp = (0, 0, 0)
YOUNG_NS = 100_000_000  # clocks of file systems tick every 1 to 10 ms: a younger file may change unseen
SKEW_NS = 10_000_000_000  # a file server's clock may be ahead; what lies further in the future was set by hand

_known: dict[tuple[object, Path, tuple[object, ...]], tuple[Stamp, object]] = {}


def stamp_of(path: Path) -> Stamp:
    """What changes whenever a file or a folder's list of names does; ABSENT if there is none."""
    try:
        found = path.stat()
    except OSError:
        return ABSENT
    return (found.st_mtime_ns, found.st_size, found.st_ino)


class Look:
    """One look at the file system: it asks once for each path, and reads again only what has changed.

    `stamps` are the paths that were asked for, so that an answer drawn from them can be kept until one differs.
    """

    def __init__(self) -> None:
        self.stamps: dict[Path, Stamp] = {}
        self._now = time.time_ns()

    def stamp(self, path: Path) -> Stamp:
        """The path's stamp, the same during the whole look."""
        found = self.stamps.get(path)
        if found is None:
            found = self.stamps[path] = stamp_of(path)
        return found

    def read(self, reader: Callable[Concatenate[Path, P], T], path: Path, *args: P.args, **kwargs: P.kwargs) -> T:
        """`reader(path, ...)`, from memory where the path has not changed since."""
        stamp = self.stamp(path)
        key = (reader, path, args)
        known = _known.get(key)
        if known is not None and known[0] == stamp:
            return cast("T", known[1])  # the reader is part of the key
        value = reader(path, *args, **kwargs)
        if self._tells(stamp):
            _known[key] = (stamp, value)
        return value

    @property
    def settled(self) -> bool:
        """Whether all that was seen is old enough for its stamp to tell the next change."""
        return all(map(self._tells, self.stamps.values()))

    def _tells(self, stamp: Stamp) -> bool:
        return not self._now - YOUNG_NS < stamp[0] < self._now + SKEW_NS


def unchanged(stamps: Mapping[Path, Stamp]) -> bool:
    """Whether all these paths still are as they were."""
    return all(stamp_of(path) == stamp for path, stamp in stamps.items())
