"""Starts a command in a session of its own and prints its process id: it has no parent here that would have to wait
for it. Run as `python -m cmcore_ray.detached LOG COMMAND...`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Fork, and become the command there."""
    log, *command = sys.argv[1:]
    if child := os.fork():
        os.write(1, f"{child}\n".encode())
        os._exit(0)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    told = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for source, target in ((nothing, 0), (told, 1), (told, 2)):
        os.dup2(source, target)
    os.execv(command[0], command)  # noqa: S606 # our own arguments


if __name__ == "__main__":
    main()
