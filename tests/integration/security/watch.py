"""Watch: an audit hook that notes what this process writes, runs and unpickles while an attack goes on.

Hooks cannot be removed, so there is one for the whole session, which looks away while nobody is attacked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate",
    "os.utime", "shutil.copyfile", "shutil.move", "shutil.rmtree", "shutil.unpack_archive", "os.setxattr",
}  # fmt: skip
EXECUTIONS = {
    "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "pty.spawn", "subprocess.Popen",
    "pickle.find_class", "code.__new__",
}  # fmt: skip
NETWORK = {"socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"}


@dataclass
class Seen:
    """What an attack led to."""

    written: list[str] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)


_watching: list[Seen] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _watching:
        return
    seen = _watching[-1]
    if event == "open":
        if isinstance(arguments[2], int) and arguments[2] & WRITING:
            _note(seen.written, arguments[0])
    elif event in CHANGES:
        for argument in arguments:
            _note(seen.written, argument)
    elif event in EXECUTIONS:
        seen.executed.append(f"{event} {str(arguments[:2])[:200]}")
    elif event in NETWORK:
        seen.connected.append(f"{event} {str(arguments[1:2])[:200]}")


def _note(place: list[str], path: object) -> None:
    if isinstance(path, str | bytes | os.PathLike):
        place.append(os.fsdecode(path))


sys.addaudithook(_hook)


@contextmanager
def watching() -> Iterator[Seen]:
    """Note what happens in the block."""
    seen = Seen()
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.pop()


def outside(paths: list[str], inside: Path) -> list[str]:
    """The absolute paths among these that do not lie in a folder, links resolved."""
    real = str(inside.resolve())
    found = [os.path.realpath(path) for path in paths if path.startswith("/")]
    return [path for path in found if path != real and not path.startswith(real + "/")]
