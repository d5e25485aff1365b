"""Ends what a sandbox started once the sandbox's own process is done or gone, however it went; then clears its folder.

Run as a file by `sandbox`, so it imports nothing of cmcore. It waits until its standard input ends, which a killed
process cannot prevent. Processes are known by a variable in their environment, which children inherit.
"""

from __future__ import annotations

import shutil
import sys

import psutil

VARIABLE = "CM_SANDBOX"
PATIENCE_S = 5.0
ROUNDS = 4  # a process that was about to start others when it was killed may have done so


def marked(token: str) -> list[psutil.Process]:
    """The processes of this sandbox."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(VARIABLE) == token:
                found.append(process)
        except (psutil.Error, OSError):  # somebody else's, or gone meanwhile
            continue
    return found


def end(token: str) -> None:
    """Ask the processes of this sandbox to end, and end those that do not."""
    for _ in range(ROUNDS):
        found = marked(token)
        if not found:
            return
        for process in found:
            _tell(process, "terminate")
        _, remaining = psutil.wait_procs(found, timeout=PATIENCE_S)
        for process in remaining:
            _tell(process, "kill")
        psutil.wait_procs(remaining, timeout=PATIENCE_S)


def _tell(process: psutil.Process, what: str) -> None:
    try:
        process.terminate() if what == "terminate" else process.kill()
    except psutil.NoSuchProcess:
        return


def main() -> None:
    """Entry point: `python guard.py TOKEN FOLDER`."""
    token, folder = sys.argv[1:]
    sys.stdin.buffer.read()
    end(token)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
