"""Failpoints: named places where a test may kill or stop the process. Free unless `$CM_FAILPOINT` names one."""

from __future__ import annotations

import os
import signal
from itertools import count

_ARMED, _NTH, _SIGNAL = (os.environ.get("CM_FAILPOINT", "") + "::").split(":")[:3]
_passes = count(1)

NAMES = (
    "run-created",
    "run-recorded",
    "attempt-journaled",
    "execution-begun",
    "attempt-submitted",
    "payload-written",
    "manifest-written",
    "outcome-received",
    "effect-applied",
    "execution-committed",
    "node-journaled",
    "run-finishing",
)
SERVING_NAMES = ("serving-decided", "serving-acted", "serving-persisted")
COLLECTION_NAMES = ("gc-buried", "gc-told", "gc-deleted")


def failpoint(name: str) -> None:
    """Die here if `$CM_FAILPOINT` is `name` or `name:N` (at the Nth pass); stop here for `name:N:SIGSTOP`."""
    if name == _ARMED and next(_passes) == int(_NTH or 1):
        os.kill(os.getpid(), signal.Signals[_SIGNAL or "SIGKILL"])
