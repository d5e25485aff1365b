"""Context: how an executor speaks while it works. The channel behind it is the launcher's affair."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from cmcore.artifacts import has_nan
from cmcore.errors import UsageError


class Channel(Protocol):
    """Where an executor's words go; the same in a thread, a process, a container and on Ray."""

    def report(self, kind: str, data: dict[str, float | str]) -> None:
        """Pass one report on; never blocks the executor for long and never raises."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether whoever launched this wants it to stop."""
        ...


class Silent:
    """The channel of a plain call: nobody listens."""

    cancelled = False

    def report(self, kind: str, data: dict[str, float | str]) -> None:
        """Nothing."""


class Context:
    """What an executor may tell and ask while it works; ask for it by an argument annotated `Context`."""

    def __init__(self, *, channel: Channel | None = None, work_dir: Path | None = None, name: str = "") -> None:
        self._channel: Channel = channel or Silent()
        self._work_dir = work_dir
        self._name = name
        self._metrics: dict[str, float] = {}

    @property
    def idempotency_key(self) -> str:
        """The name of this execution's slot (run/node): the same over retries and resumes; empty in a plain call."""
        return self._name

    @property
    def work_dir(self) -> Path:
        """A folder for scratch files, gone after the attempt."""
        if self._work_dir is None:
            raise UsageError("a plain call has no work_dir; give one: Context(work_dir=Path('scratch'))")
        self._work_dir.mkdir(parents=True, exist_ok=True)
        return self._work_dir

    @property
    def cancelled(self) -> bool:
        """Whether the executor should stop soon: the run is cancelled or the node timed out."""
        return self._channel.cancelled

    def progress(self, done: float, total: float, message: str = "") -> None:
        """How far the work is: `done` of `total`, in the executor's own unit."""
        self._channel.report("progress", {"done": float(done), "total": float(total), "message": message})

    def metric(self, name: str, value: float) -> None:
        """A number about this execution, recorded with it; the last value of a name wins, NaN is kept."""
        self._metrics[name] = float(value)
        if not has_nan(float(value)):
            self._channel.report("metric", {"name": name, "value": float(value)})

    def log(self, message: str) -> None:
        """A line for the execution's log and the live view."""
        self._channel.report("log", {"message": message})

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics so far."""
        return dict(self._metrics)
