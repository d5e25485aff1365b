"""scan_folder: walks a folder without following anything out of it and judges every file by its bytes.

What bytes mean is `examine`'s affair. Nothing is unpickled, imported, unpacked to disk or executed.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Iterator
from itertools import islice
from pathlib import Path

from cmcore.errors import StorageError, UsageError
from cmcore.scanning.budget import Budget, Limits
from cmcore.scanning.examine import Look, examined
from cmcore.scanning.finding import Danger, FileFinding, Peril, ScanReport, advised, judged
from cmcore.scanning.names import hostile_name, shown
from cmcore.scanning.source import Source

ALLOWABLE = tuple(danger.value for danger in Danger if danger is not Danger.HOSTILE)
LIMITS = Limits()
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def scan_folder(
    folder: Path,
    *,
    allowed: Collection[str] = (),
    limits: Limits = LIMITS,
    clock: Callable[[], float] = time.monotonic,
) -> ScanReport:
    """What the files of a folder (or one file) are, and which must not be loaded; `allowed` are dangers to let pass.

    Raises StorageError where something cannot be read, UsageError for a danger that nobody may allow.
    """
    if unknown := sorted(set(allowed) - set(ALLOWABLE)):
        raise UsageError(f"{unknown[0]!r} cannot be allowed; what can: {', '.join(ALLOWABLE)}")
    findings: list[FileFinding] = []
    perils: list[Peril] = []
    try:
        for name, look in islice(_Walk(limits, clock).of(folder), limits.files + 1):
            whole = look if len(findings) < limits.files else _refusal(f"more than {limits.files} files")
            findings.append(judged(shown(name), whole.format, whole.perils, whole.notes, allowed=allowed))
            perils += whole.perils
    except OSError as error:
        raise StorageError(
            f"{shown(str(folder))!r} cannot be scanned: {error.strerror}. Give this user the right to read all of it"
        ) from error
    return ScanReport(
        files=tuple(sorted(findings, key=lambda each: each.path)),
        allowed=tuple(sorted(allowed)),
        advice=advised(perils, allowed=allowed),
    )


class _Walk:
    """One walk, which ends at its deadline."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits, self._clock = limits, clock
        self._deadline = clock() + limits.seconds

    def of(self, path: Path) -> Iterator[tuple[str, Look]]:
        """(relative name, look) of everything in a folder that is no folder."""
        if path.is_dir():
            yield from self._inside(os.open(path, _FOLDER), "")
        else:
            yield path.name, self._looked(os.open(path, _FILE), path.name)

    def _inside(self, folder: int, above: str) -> Iterator[tuple[str, Look]]:
        """What lies in an open folder, which is closed at the end; all is opened from it, so no link is followed."""
        try:
            with os.scandir(folder) as entries:
                listed = sorted(islice(entries, self._limits.files + 1), key=lambda entry: entry.name)
            for entry in listed:
                name = above + entry.name
                if not entry.is_dir(follow_symlinks=False):
                    yield name, self._of_entry(entry, folder)
                elif name.count("/") < self._limits.folders:
                    yield from self._inside(os.open(entry.name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder), name + "/")
                else:
                    yield name, _refusal(f"folders more than {self._limits.folders} deep")
        finally:
            os.close(folder)

    def _of_entry(self, entry: os.DirEntry[str], folder: int) -> Look:
        if entry.is_symlink():
            return _refusal(f"a symbolic link to {shown(os.readlink(entry.name, dir_fd=folder))!r}")
        if not entry.is_file(follow_symlinks=False):
            return _refusal("a device, pipe or socket")
        return self._looked(os.open(entry.name, _FILE | os.O_NOFOLLOW, dir_fd=folder), entry.name)

    def _looked(self, descriptor: int, name: str) -> Look:
        with os.fdopen(descriptor, "rb") as stream:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                return _refusal("a device, pipe or socket")
            source = Source(name="", file_name=name, stream=stream, size=state.st_size)
            budget = Budget(self._limits, size=state.st_size, deadline=self._deadline, clock=self._clock)
            look = examined(source, budget)
        if state.st_mode & (stat.S_ISUID | stat.S_ISGID):
            look.perils.append(Peril(danger=Danger.HOSTILE, what="a set-user-id or set-group-id file"))
        if what := hostile_name(name):
            look.perils.append(Peril(danger=Danger.HOSTILE, what=what))
        return look


def _refusal(what: str) -> Look:
    return Look(format="special", perils=[Peril(danger=Danger.HOSTILE, what=what)])
