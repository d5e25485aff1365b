"""Context: how an executor speaks while it works. The channel behind it is the launcher's affair."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from operator import index
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue

from cmcore.artifacts import has_nan
from cmcore.components import exhibits
from cmcore.components.intent import Intent
from cmcore.errors import UsageError
from cmcore.tracked import NAME, TEXT_LENGTH, File, Note, Param, Point, Record, Tag

TRACKED = "tracked"


class Channel(Protocol):
    """Where an executor's words go; the same in a thread, a process, a container and on Ray."""

    def report(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """Pass one report on; never blocks the executor for long and never raises."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether whoever launched this wants it to stop."""
        ...


class Silent:
    """The channel of a plain call: nobody listens."""

    cancelled = False

    def report(self, kind: str, data: Mapping[str, JsonValue]) -> None:
        """Nothing."""


Keep = Callable[[str, bytes], None]
"""Keeps a tracked file under a relative path."""


def kept_nowhere(path: str, content: bytes) -> None:
    """What a plain call does with tracked files."""


class Context:
    """What an executor may tell and ask while it works; ask for it by an argument annotated `Context`.

    What it tracks (metrics, series, parameters, tags, notes, files) is kept with the run, compared by `cm compare`
    and passed on to the project's trackers. Names are up to 190 printable characters. What cannot be tracked raises
    UsageError.
    """

    def __init__(
        self,
        *,
        channel: Channel | None = None,
        work_dir: Path | None = None,
        name: str = "",
        keep: Keep = kept_nowhere,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._channel: Channel = channel or Silent()
        self._work_dir = work_dir
        self._name = name
        self._keep = keep
        self._clock = clock
        self._files = 0
        self._metrics: dict[str, float] = {}
        self._intents: list[Intent] = []

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

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """A number about this execution, recorded with it; the last value of a name wins, NaN is kept.

        With a `step` (epoch, batch, iteration) it is also a point of the series of that name.
        """
        self._metrics[checked(name)] = float(value)
        if step is not None:
            self._track(Point(at=self._clock(), name=name, step=whole(step), value=value))
        if not has_nan(float(value)):
            self._channel.report("metric", {"name": name, "value": float(value)})

    def param(self, name: str, value: JsonValue) -> None:
        """A parameter that the executor itself chose or found out."""
        try:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"the parameter {name!r} is {type(value).__name__}; give a JSON value or a text"
            ) from error
        self._track(Param(at=self._clock(), name=checked(name), value=short(f"the parameter {name!r}", text)))

    def tag(self, name: str, value: str) -> None:
        """A label; the last value of a name wins."""
        self._track(Tag(at=self._clock(), name=checked(name), value=short(f"the tag {name!r}", value)))

    def note(self, text: str) -> None:
        """A remark of up to 1,000 characters; longer ones are a `text`."""
        self._track(Note(at=self._clock(), text=short("a note", text)))

    def image(self, name: str, given: exhibits.Image, step: int | None = None) -> None:
        """An image: bytes or path of a PNG, JPEG, GIF, WebP or SVG, a matplotlib figure, or a Pillow image."""
        self._show(name, exhibits.image(given), step)

    def table(self, name: str, given: exhibits.Table, step: int | None = None) -> None:
        """A table: columns by name, or rows as mappings; kept as CSV."""
        self._show(name, exhibits.table(given), step)

    def text(self, name: str, given: str, step: int | None = None) -> None:
        """A text of any length."""
        self._show(name, exhibits.text(given), step)

    def file(self, name: str, given: Path, step: int | None = None) -> None:
        """Any file, as it is."""
        self._show(name, exhibits.file(given), step)

    def log(self, message: str) -> None:
        """A line for the execution's log and the live view."""
        self._channel.report("log", {"message": message})

    def intend(self, kind: str, *, output: str, data: Mapping[str, JsonValue]) -> None:
        """Ask the driver for a change to registry or traffic; what came of it becomes properties of `output`."""
        self._intents.append(Intent(kind=kind, output=output, data=dict(data)))

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics so far."""
        return dict(self._metrics)

    @property
    def intents(self) -> list[Intent]:
        """What the driver was asked for so far."""
        return list(self._intents)

    def _show(self, name: str, exhibit: exhibits.Exhibit, step: int | None) -> None:
        checked(name)
        step = None if step is None else whole(step)
        self._files += 1
        path = f"{exhibit.shape}s/{self._files:04d}-{slug(name)}{exhibit.suffix}"
        self._keep(path, exhibit.content)
        self._track(
            File(
                at=self._clock(), what=exhibit.shape, name=name, path=path, media_type=exhibit.media_type, step=step
            )
        )  # fmt: skip

    def _track(self, record: Record) -> None:
        self._channel.report(TRACKED, record.model_dump(mode="json"))


def checked(name: str) -> str:
    """The name itself; raises UsageError where nothing can be tracked under it."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name what is tracked: write up to 190 characters, no control ones, no space at the ends"
        )
    return name


def short(what: str, text: str) -> str:
    """A text that an event can carry; raises UsageError for a longer one, or for none."""
    if not isinstance(text, str):
        raise UsageError(f"{what} is a text, found {type(text).__name__}")
    if len(text) > TEXT_LENGTH:
        raise UsageError(f"{what} has up to {TEXT_LENGTH} characters, this one {len(text)}; keep it as a text()")
    return text


def whole(step: int) -> int:
    """A step; raises UsageError for what is no whole number."""
    try:
        return index(step)
    except TypeError as error:
        raise UsageError(f"a step is a whole number, found {step!r}") from error


def slug(name: str) -> str:
    """What of a name a file's name may hold."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "unnamed"
