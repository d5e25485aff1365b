"""EndpointView: what happens to endpoints, one line for each event, and on a terminal what is being waited for.

Events are read from the project's log, so that it does not matter which process takes the steps.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import click
from pydantic import JsonValue
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from cmcore.cli.output import echo_json
from cmcore.cli.view.lines import stamp
from cmcore.cli.view.wording import duration, one_line
from cmcore.errors import CmError, LineageError
from cmcore.events import Event, EventKind
from cmcore.serving.states import Change, DeploymentState
from cmcore.state.journal import Journal

PAGE = 1000
KINDS = frozenset(
    {EventKind.ENDPOINT_APPLIED, EventKind.ENDPOINT_HELD, EventKind.TRAFFIC_MOVED, EventKind.DEPLOYMENT_CHANGED}
)
WORDS: Mapping[Change, tuple[str, str, str]] = {
    Change.PLACED: ("✔", "placed", "green"),
    Change.LOADED: ("✔", "loaded", "green"),
    Change.WARMED: ("✔", "warmed up", "green"),
    Change.REFUSED: ("✘", "refused", "red"),
    Change.LOST: ("↻", "lost by its server", "yellow"),
    Change.RETIRED: ("·", "drains", "bright_black"),
    Change.RECALLED: ("↻", "wanted again", "yellow"),
    Change.UNLOADED: ("·", "unloaded", "bright_black"),
    Change.CLEARED: ("·", "removed", "bright_black"),
    Change.FORGOTTEN: ("·", "forgotten", "yellow"),
}
WITH_REASON = (Change.REFUSED, Change.FORGOTTEN)
NEXT: Mapping[DeploymentState, str] = {
    DeploymentState.DECLARED: "placing {}",
    DeploymentState.PLACED: "loading {}",
    DeploymentState.LOADED: "warming {} up",
    DeploymentState.DRAINING: "waiting for the last requests to {}",
}


@dataclass(slots=True, kw_only=True)
class Tail:
    """The events of a project's endpoints (all of them, or one) that come after it was made."""

    journal: Journal
    project: str
    endpoint: str = ""
    after: int = -1

    def __post_init__(self) -> None:
        if self.after < 0:
            self.after = self.journal.head()

    def new(self) -> list[Event]:
        """What has come since the last call, in order."""
        found: list[Event] = []
        while events := self.journal.read(after=self.after, limit=PAGE):
            self.after = events[-1].seq
            found += [event for event in events if self._own(event)]
        return found

    def _own(self, event: Event) -> bool:
        data = event.data
        mine = event.kind in KINDS and data.get("project") == self.project
        return mine and (not self.endpoint or data.get("endpoint") == self.endpoint)


@dataclass(slots=True, kw_only=True)
class EndpointView:
    """Shows events as they come: as lines for people, or each as JSON. On a terminal the last line is what goes on."""

    tail: Tail
    as_json: bool = False
    spins: bool = field(default_factory=lambda: sys.stdout.isatty())  # noqa: PLW0108 # stdout of then, which tests replace
    _since: dict[str, float] = field(default_factory=dict)
    _noted: dict[str, str] = field(default_factory=dict)
    _doing: str = ""
    _doing_since: float = 0.0
    _live: Live | None = None

    def __enter__(self) -> EndpointView:
        if self.spins and not self.as_json:
            self._live = Live(self, console=Console(highlight=False), transient=True, refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        if self._doing:
            text = f"{self._doing}  {duration(time.time() - self._doing_since)}"
            yield Spinner("dots", text=Text(text, overflow="ellipsis", no_wrap=True), style="cyan")

    def catch_up(self) -> None:
        """Show what has happened since the last call."""
        for event in self.tail.new():
            self.hear(event)

    def heard(self, name: str, step: object) -> None:
        """Show what has happened, and the error that came instead of a step."""
        self.catch_up()
        if isinstance(step, LineageError):
            self.note(f"the lineage is told later: {step}", about="the lineage")
        elif isinstance(step, CmError):
            self.note(f"{name} is left alone: {step}", about=name)

    def hear(self, event: Event) -> None:
        """Show one event."""
        if self.as_json:
            echo_json({"event": event.kind.value, "at": event.at, "seq": event.seq, **event.data}, indent=None)
            return
        for line in self._lines(event):
            self._say(line)

    def note(self, text: str, *, about: str = "") -> None:
        """Say something about the work itself; the same thing about the same is not said again."""
        if text != self._noted.get(about):
            self._noted[about] = text
            self._say(one_line(text, 2000), err=True)

    def _say(self, line: str, *, err: bool = False) -> None:
        if self._live is None:
            click.echo(line, err=err)
        else:
            self._live.console.print(Text.from_ansi(line), soft_wrap=True)

    def doing(self, text: str, at: float) -> None:
        """What is being waited for from now on; empty for nothing."""
        self._doing, self._doing_since = one_line(text), at

    def _lines(self, event: Event) -> list[str]:
        data = event.data
        match event.kind:
            case EventKind.ENDPOINT_APPLIED:
                return [self._applied(event)]
            case EventKind.TRAFFIC_MOVED:
                return [f"{stamp(event.at)}  {click.style('⇒', fg='cyan')} {data['endpoint']}: {traffic_told(data)}"]
            case EventKind.ENDPOINT_HELD if data["reason"]:
                self.doing("waiting to try again", event.at)
                told = one_line(str(data["reason"]), 500)
                return [f"{stamp(event.at)}  {click.style('…', fg='yellow')} {data['endpoint']}: {told}"]
            case EventKind.ENDPOINT_HELD:
                return [f"{stamp(event.at)}  {click.style('✔', fg='green')} {data['endpoint']}: goes on"]
            case _:
                return [self._changed(event)]

    def _applied(self, event: Event) -> str:
        data = event.data
        self._since[str(data["endpoint"])] = event.at
        resolved = data["resolved"]
        meant = ", ".join(str(it) for it in resolved.values()) if isinstance(resolved, dict) else ""
        self.doing(f"placing {meant}" if meant else "", event.at)
        what = f"{meant} on {data['backend']}" if data["wanted"] else "nothing is wanted of it any more"
        reason = f" ({one_line(str(data['reason']))})" if data["reason"] else ""
        head = click.style(f"{data['endpoint']} revision {data['revision']}", bold=True)
        return f"{stamp(event.at)}  {head} by {data['actor']}: {what}{reason}"

    def _changed(self, event: Event) -> str:
        data, name = event.data, str(event.data["name"])
        began = self._since.get(name) or self._since.get(str(data["endpoint"]))
        self._since[name] = event.at
        mark, word, color = WORDS[Change(str(data["change"]))]
        state = DeploymentState(str(data["state"]))
        self.doing(NEXT[state].format(name) if state in NEXT else "", event.at)
        took = duration(event.at - began) if began is not None and data["change"] != Change.RETIRED else ""
        reason = one_line(str(data["reason"]), 2000) if data["change"] in WITH_REASON else ""
        rest = "  ".join(part for part in (took, reason) if part)
        return f"{stamp(event.at)}  {click.style(mark, fg=color)} {name}  {word:<10}  {rest}".rstrip()


def traffic_told(data: Mapping[str, JsonValue]) -> str:
    """Where clients are sent from now on."""
    to = data["to"]
    assert isinstance(to, dict)
    told = [f"{variant} is {it['name']}, {it['version']}" for variant, it in to.items() if isinstance(it, dict)]
    return f"traffic moved: {'; '.join(told)}" if told else "traffic ended: nobody is served any more"
