"""The process of one courier, started by `cmcore.tracking.couriers`: opens the project and delivers until told to stop.

Nothing is decided here.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from cmcore.errors import CmError, LeaseLostError

ERRAND_BYTES = 1_000_000
NICENESS = 10


def main(descriptor: int = 0) -> int:
    """Carry out the errand that the first line of the input says; an exit code."""
    step_back()
    from cmcore.stack import Project
    from cmcore.stack.trackers import opened_tracker
    from cmcore.tracking.courier import NOT_OURS, Errand, Office, Stop, deliver_until, tell_at_end

    errand = Errand.model_validate_json(first_line(descriptor))
    stop = Stop(errand.patience_s)
    tell_at_end(descriptor, stop)
    try:
        with Project(errand.folder, environment=os.environ, sets=errand.sets) as project:
            office = Office(
                database=project.database,
                actor=project.actor,
                opened=lambda memory: opened_tracker(project, errand.tracker, memory),
            )
            deliver_until(stop, errand, office)
    except LeaseLostError:
        return NOT_OURS
    except CmError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def step_back() -> None:
    """Let the run have the processors first. Linux shares them among sessions before it looks at processes."""
    os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")


def first_line(descriptor: int) -> bytes:
    """The first line that can be read, and nothing of what follows."""
    line = b""
    while not line.endswith(b"\n") and len(line) < ERRAND_BYTES:
        read = os.read(descriptor, 1)
        if not read:
            break
        line += read
    return line


if __name__ == "__main__":
    sys.exit(main())
