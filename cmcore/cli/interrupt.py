"""Ctrl-C and SIGTERM while a run goes on: the first asks the run to stop, the second stops it at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from cmcore.runtime.driver import CANCEL_GRACE_S, Driver

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ASKED = f"canceling: running nodes have {CANCEL_GRACE_S:g} s to stop; once more stops them at once"
ASKED_HERE = "canceling after the node that runs in this process; once more interrupts it"
STOPPING = "stopping at once"


@contextmanager
def cancelling(driver: Driver, say: Callable[[str], None], *, in_process: bool) -> Iterator[None]:
    """While inside, signals cancel the run; a node in this very process is interrupted by the second signal."""
    heard = 0

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        del frame
        heard += 1
        if heard == 1:
            say(ASKED_HERE if in_process else ASKED)
            driver.cancel(f"canceled by {signal.Signals(number).name}")
            return
        say(STOPPING)
        driver.stop_at_once()
        if in_process or heard > 2:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, on_signal) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
