"""Processes of a project under test: starting drivers, finding everything that belongs to one, killing it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DRIVER = HERE / "driver.py"
PLACE = "FAULTS_PLACE"
NOTHING: Mapping[str, str] = {}
Process = subprocess.Popen[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A folder with a project in it, and one beside it where executors leave their lines."""

    folder: Path

    @property
    def outside(self) -> Path:
        return self.folder.with_name(self.folder.name + ".outside")

    @property
    def metadata_url(self) -> str:
        return f"sqlite:///{self.folder}/.cm/metadata.db"

    @property
    def state_file(self) -> Path:
        return self.folder / ".cm/state.db"

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """What its processes inherit, and can be told by."""
        ours = {PLACE: str(self.folder), "FAULTS_OUTSIDE": str(self.outside), "PYTHONPATH": str(ROOT)}
        return {**os.environ, **ours, **more}


def new_place(folder: Path, *, settings: str = "", workload: str = "six") -> Place:
    """A fresh project."""
    place = Place(folder=folder)
    for each in (place.folder, place.outside):
        each.mkdir(parents=True)
    source = (HERE / "workload" / f"{workload}.py").read_text(encoding="utf-8")
    (folder / f"{workload}.py").write_text(source, encoding="utf-8")
    if settings:
        (folder / "cm.yaml").write_text(f"kind: Project\n{settings}", encoding="utf-8")
    return place


def start(place: Place, *words: str, more: Mapping[str, str] = NOTHING, before: Sequence[str] = ()) -> Process:
    """A driver in a process group of its own; `before` is a command to run it under."""
    with (place.outside / "driver.log").open("a", encoding="utf-8") as log:
        return subprocess.Popen(
            [*before, sys.executable, str(DRIVER), words[0], str(place.folder), *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=place.folder,
            env=place.environment(more),
            process_group=0,
        )


def answers(process: Process, timeout_s: float = 120.0) -> list[dict[str, object]]:
    """What a driver said until it ended; a driver that does not end is killed and has said so."""
    try:
        said, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        kill(process, group=True)
        said, _ = process.communicate()
        return [*_read(said), {"error": "Hung", "message": f"the driver did not end within {timeout_s} s"}]
    return _read(said)


def _read(said: str) -> list[dict[str, object]]:
    read = []
    for line in said.splitlines():
        with suppress(ValueError):
            read.append(json.loads(line))
    return read


def kill(process: Process, *, group: bool = False) -> None:
    """SIGKILL, to the driver or to its whole process group."""
    with suppress(ProcessLookupError):
        if group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            os.kill(process.pid, signal.SIGKILL)


def belonging(place: Place) -> dict[int, str]:
    """Living processes that carry the place in their environment, command or working folder, with their commands."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if _is_alive(entry) and _names(entry, place):
                    found[int(entry.name)] = _described(entry)
    return found


def _described(entry: Path) -> str:
    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    state = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    children = (entry / "task" / entry.name / "children").read_text().split()
    return f"{command} (state {state} in {(entry / 'wchan').read_text()}, children {children})"


def _is_alive(entry: Path) -> bool:
    return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in "ZX"


def _names(entry: Path, place: Place) -> bool:
    marker = f"{PLACE}={place.folder}\0".encode()
    return marker in (entry / "environ").read_bytes() or str(entry.joinpath("cwd").readlink()) == str(place.folder)


def orphans(place: Place, within_s: float = 5.0) -> dict[int, str]:
    """What is still alive after so long; nothing is the answer hoped for, and given at once."""
    give_up_at = time.monotonic() + within_s
    while (found := belonging(place)) and time.monotonic() < give_up_at:
        time.sleep(0.02)
    return found


def clear(place: Place) -> None:
    """Kill whatever is left, so that a failed scenario leaves nothing behind."""
    for pid in belonging(place):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
