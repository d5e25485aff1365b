"""Scenario: strace over a run shows that every payload is synced before the record that makes it visible."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.inspector import Inspector, runs_of
from tests.faults.processes import Place, answers, clear, new_place, start
from tests.faults.tally import LOST, OTHER, Tally

CALLS = "trace=openat,open,creat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat"
CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(.*)$")
PATH = re.compile(r"<([^<>]*)>")
NAMED = re.compile(r'"([^"]*)"')
WAITS = "<unfinished ...>"
JOURNAL_OF_SQLITE = "metadata.db-journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Syscall:
    """One call that has returned: what it was and the file it was about."""

    name: str
    path: str


def synced_before_recorded(folder: Path) -> Tally:
    """Two nodes on SQLite, every process followed."""
    tally = Tally(name="payloads synced before their record")
    if shutil.which("strace") is None:
        tally.skipped = "strace is not installed (apt-get install strace)"
        return tally
    place, trace = new_place(folder / "traced", workload="two"), folder / "trace"
    options = ["strace", "-f", "-y", "-s", "0", "-e", CALLS, "-e", "signal=none", "-o", str(trace)]
    process = start(place, "run", "s", "1", "two", before=options)
    said = answers(process)
    if process.returncode != 0:
        text = (place.outside / "driver.log").read_text(encoding="utf-8")[-300:]
        if "ptrace" in text or "PTRACE" in text:
            tally.skipped = "processes may not be traced here"
        else:
            tally.blame(OTHER, f"the traced run failed: {said} {text}")
        clear(place)
        return tally
    with Inspector() as inspector:
        tally.found(inspector.violations(place, list(runs_of(place))))
    judge(tally, place, list(syscalls(trace.read_text(encoding="utf-8", errors="replace").splitlines())))
    return tally


def syscalls(lines: list[str]) -> Iterator[Syscall]:
    """The calls in the order in which they returned, so that a sync counts from its end only.

    A call that strace splits is named at its start and ends in a later line of the same process.
    """
    begun: dict[str, Syscall] = {}
    for line in lines:
        if not (found := CALL.match(line)):
            continue
        pid, name, rest = found.groups()
        if "resumed>" in line:
            call = begun.pop(pid, None)
        else:
            paths = PATH.findall(rest) if name in ("write", "pwrite64", "fsync", "fdatasync") else NAMED.findall(rest)
            call = Syscall(name=name, path=paths[0] if paths else "")
            if WAITS in line:
                begun[pid] = call
                call = None
        if call is not None:
            yield call


def judge(tally: Tally, place: Place, calls: list[Syscall]) -> None:
    """Every payload file and manifest against the first write to the metadata after its manifest was written."""
    artifacts = place.folder / ".cm/artifacts"
    manifests = sorted(artifacts.rglob("*.manifest.json"))
    if not manifests:
        tally.blame(OTHER, "no manifest was found; the trace proves nothing")
    for manifest in manifests:
        payload = manifest.with_name(manifest.name.removesuffix(".manifest.json"))
        files = [manifest, *(path for path in payload.rglob("*") if path.is_file())]
        record = first_write_to_metadata(calls, last(calls, "write", manifest))
        tally.done["payloads"] += 1
        for path in files:
            tally.done["files"] += 1
            check(tally, calls, path, record)
        for folder in {folder for path in files for folder in path.parents if folder.is_relative_to(artifacts)}:
            tally.done["folders"] += 1
            if not any(is_sync(call, folder) for call in calls[:record]):
                tally.blame(LOST, f"the folder {folder.relative_to(artifacts)} was not synced before the record")
    tally.done["writes to the metadata database"] = sum(is_metadata_write(call) for call in calls)


def check(tally: Tally, calls: list[Syscall], path: Path, record: int) -> None:
    """A file is synced after its last write, and before the record."""
    written = last(calls, "write", path)
    synced = next((at for at in range(written + 1, len(calls)) if is_sync(calls[at], path)), len(calls))
    if written < 0 or synced > record:
        tally.blame(LOST, f"{path} was written at call {written}, synced at {synced}, recorded at {record}")


def last(calls: list[Syscall], name: str, path: Path) -> int:
    """The last call of that name on the path, under its temporary name too; -1 where there is none."""
    found = [at for at, call in enumerate(calls) if call.name == name and call.path.startswith(str(path))]
    return found[-1] if found else -1


def is_sync(call: Syscall, path: Path) -> bool:
    """Whether a call made a file or folder durable."""
    return call.name in ("fsync", "fdatasync") and call.path == str(path)


def is_metadata_write(call: Syscall) -> bool:
    """Whether a call wrote to the metadata database itself; its journal, before that, is only a plan to."""
    return call.name in ("write", "pwrite64") and call.path.endswith("/metadata.db")


def first_write_to_metadata(calls: list[Syscall], after: int) -> int:
    """When the database was first written after this call; the record of the payload cannot be before."""
    return next((at for at in range(after + 1, len(calls)) if is_metadata_write(calls[at])), len(calls))
