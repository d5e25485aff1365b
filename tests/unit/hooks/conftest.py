"""Plugins written into a folder on the path, and a log in memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from textwrap import dedent
from threading import Lock

import pytest

from cmcore.events import Event, EventKind
from cmcore.hooks.discovery import Plugins
from cmcore.hooks.status import PluginStatus

NUMBERS = count(1)
HEADER = """
from cmcore.hooks import Provider, RunRequest, hookimpl

CMCORE_API = ">=1.0,<2"
"""


def launcher(name: str) -> str:
    """The source of a plugin that gives one launcher."""
    return f"""{HEADER}
@hookimpl
def cmcore_providers():
    return [Provider(kind="launcher", name={name!r}, factory="threading:Thread", summary="A launcher")]
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A folder on the path, into which distributions are installed by writing them there."""

    folder: Path
    names: list[str] = field(default_factory=list)

    def install(self, name: str, source: str, *, distribution: str = "", target: str = "") -> str:
        """A distribution with one plugin; returns the plugin module's name."""
        number = next(NUMBERS)
        module = f"cmcore_test_plugin_{number}"
        (self.folder / f"{module}.py").write_text(dedent(source), encoding="utf-8")
        distribution = distribution or f"cmcore-{name}"
        metadata = self.folder / f"{distribution.replace('-', '_')}_{number}-1.2.dist-info"
        metadata.mkdir()
        header = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n"
        (metadata / "METADATA").write_text(header, encoding="utf-8")
        (metadata / "entry_points.txt").write_text(f"[cmcore]\n{name} = {target or module}\n", encoding="utf-8")
        self.names.append(distribution)
        return module

    def discover(self, *, deny: Sequence[str] = (), strict: bool = False, builtin: Sequence[str] = ()) -> Plugins:
        """The plugins of this site alone, whatever else is installed."""
        return Plugins.discover(builtin=builtin, allow=self.names, deny=deny, strict=strict)

    def status(self, distribution: str) -> PluginStatus:
        """What became of one distribution's plugin."""
        by_distribution = {status.distribution: status for status in self.discover().statuses}
        return by_distribution[distribution]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty site."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield Site(folder=tmp_path)
    for module in set(sys.modules) - before:
        if module.startswith("cmcore_test_plugin_"):
            del sys.modules[module]


@pytest.fixture
def reason(site: Site) -> Callable[[str], str]:
    """Installs a plugin called `bad` from its source and says why it is broken; empty if it is not."""

    def install(source: str) -> str:
        site.install("bad", source)
        return site.status("cmcore-bad").reason

    return install


class ListLog:
    """The journal as observers see it, in memory."""

    def __init__(self, length: int = 0) -> None:
        self.cursors: dict[str, int] = {}
        self._events: list[Event] = []
        self._lock = Lock()
        self.append(length)

    def append(self, number: int) -> None:
        """Log some more events."""
        with self._lock:
            start = len(self._events) + 1
            self._events += [
                Event(kind=EventKind.NODE_FINISHED, at=0.0, seq=seq) for seq in range(start, start + number)
            ]

    def read(self, *, after: int, limit: int) -> list[Event]:
        with self._lock:
            return self._events[after : after + limit]

    def cursor(self, consumer: str) -> int:
        with self._lock:
            return self.cursors.get(consumer, 0)

    def advance(self, consumer: str, seq: int) -> None:
        with self._lock:
            self.cursors[consumer] = max(seq, self.cursors.get(consumer, 0))
