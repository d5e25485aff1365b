"""A component that starts a process in a session of its own, says so, and never ends. No tests here."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from cmcore import Context, Parameter, component, pipeline


@component
def linger(folder: Parameter[str]) -> None:
    """Leaves its process ids in a folder."""
    far = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    near = subprocess.Popen(["sleep", "1000"])
    orphan = subprocess.run(
        ["/bin/sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!"], check=True, capture_output=True, text=True
    )
    pids = {"worker": os.getpid(), "warden": os.getppid(), "far": far.pid, "near": near.pid, "orphan": orphan.stdout}
    for name, pid in pids.items():
        Path(folder, name).write_text(str(pid).strip())
    Path(folder, "ready").touch()
    time.sleep(1000)


@component
def finish(folder: Parameter[str], context: Context) -> None:
    """Ends when it is asked to."""
    Path(folder, "ready").touch()
    while not context.cancelled:
        time.sleep(0.01)


@pipeline
def lingering(folder: str):
    linger(folder=folder)


@pipeline
def finishing(folder: str):
    first = finish(folder=folder)
    finish(folder=folder).named("second").after(first)
