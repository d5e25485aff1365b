"""InProcessLauncher: attempts in the driver's own thread: for closures, for `--in-process`, for debuggers."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, chdir, nullcontext
from pathlib import Path

from pydantic import JsonValue

from cmcore.address import Address
from cmcore.components.component import Work
from cmcore.runtime.attempt import carry_out
from cmcore.runtime.blame import blotted
from cmcore.runtime.job import Job
from cmcore.runtime.launcher import Ended, Told
from cmcore.runtime.logs import AttemptLog, log_path, logged
from cmcore.runtime.worker import filtered_output, forbidden, secret_values


class InProcessLauncher:
    """Carries an attempt out while `submit` is called; no timeout, no isolation, prints where the driver prints.

    `debug` is called with the exception of an attempt that failed, while its frames are still there; what is printed
    then is not filtered for secrets, because a debugger wants the terminal. What Python prints is kept under `logs`,
    except by a debugger and by attempts that use secrets.
    """

    def __init__(
        self, *, folder: Path, logs: Path | None = None, debug: Callable[[BaseException], None] | None = None
    ) -> None:
        self._folder, self._logs, self._debug = folder, logs, debug
        self._events: list[Told | Ended] = []
        self._woken = threading.Event()
        self._address = ""
        self._secrets: list[str] = []
        self.cancelled = False

    def report(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """The executor's channel: heard with the next `heard`."""
        plain: dict[str, JsonValue] = {
            key: blotted(value, self._secrets) if isinstance(value, str) else value for key, value in data.items()
        }
        self._events.append(Told(address=self._address, kind=kind, data=plain))

    def submit(self, job: Job, work: Work | None = None) -> str:
        """Do it now."""
        self._address, self._secrets = job.address, secret_values(job)
        hidden = [] if self._debug else forbidden(self._secrets)
        with filtered_output(hidden), chdir(self._folder), self._logged(job):
            outcome = carry_out(job, self, work, on_error=self._debug)
        shutil.rmtree(job.work_dir, ignore_errors=True)
        self._events.append(Ended(address=job.address, outcome=outcome))
        return "in-process"

    def _logged(self, job: Job) -> AbstractContextManager[None]:
        if self._logs is None or self._debug or self._secrets:
            return nullcontext()
        return logged(AttemptLog(log_path(self._logs, Address.parse(job.address))))

    def heard(self, timeout_s: float) -> Sequence[Told | Ended]:
        """What there is; without anything it waits, though only `wake` and the time can end that."""
        if not self._events:
            self._woken.wait(timeout_s)
        self._woken.clear()
        events, self._events = self._events, []
        return events

    def find(self, address: str) -> str:
        """Nothing runs while somebody asks."""
        del address
        return ""

    def adopt(self, address: str, handle: str) -> bool:
        """Nothing is left to adopt."""
        del address, handle
        return False

    def cancel(self, address: str) -> None:
        """The executor learns of it if it asks."""
        del address
        self.cancelled = True

    def kill(self, address: str) -> None:
        """Nothing runs while somebody asks."""

    def wake(self) -> None:
        """Make a waiting `heard` return."""
        self._woken.set()

    def close(self) -> None:
        """Nothing is held."""
