"""A component that keeps a core busy for a while, without ever letting go of it."""

from __future__ import annotations

import time

from cmcore import OutputDict, component


@component
def busy() -> OutputDict(rounds=int):
    end, rounds = time.monotonic() + 3.2, 0
    while time.monotonic() < end:
        rounds += 1
    return {"rounds": rounds}
