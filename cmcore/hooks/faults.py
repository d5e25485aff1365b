"""What observers got wrong in the last run of a project, kept in a file until the next run, for the doctor.

Nothing is delivered here, and a file that cannot be used is as good as none: observers never fail what they observe.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from cmcore.hooks.observers import ObserverFault
from cmcore.hooks.report import Finding, Severity


def keep(path: Path, faults: Iterable[ObserverFault]) -> None:
    """Replace what is kept by these faults."""
    kept = [
        {
            "plugin": fault.plugin,
            "distribution": fault.distribution,
            "message": f"in the last run, {fault}",
            "traceback": fault.traceback,
        }
        for fault in faults
    ]
    with suppress(OSError):
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_text(json.dumps(kept), encoding="utf-8")
        fresh.replace(path)


def recalled(path: Path) -> list[Finding]:
    """The faults of the last run as findings."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return [Finding(severity=Severity.ERROR, **fault) for fault in kept]
    except (OSError, ValueError, TypeError):
        return []
