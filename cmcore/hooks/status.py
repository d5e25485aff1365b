"""What became of each plugin: values only. Who finds out is `cmcore.hooks.discovery`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cmcore.hooks.provider import Provider


class PluginState(StrEnum):
    """Whether a plugin takes part."""

    OK = "ok"
    BROKEN = "broken"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A plugin as its distribution's metadata names it, before anything of it was imported."""

    name: str
    distribution: str
    version: str
    module: str

    def __str__(self) -> str:
        return f"plugin {self.name!r} ({f'{self.distribution} {self.version}'.strip() or self.module})"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginStatus:
    """One plugin after discovery; `reason` and `traceback` are empty unless it is broken or disabled.

    `printed` is what its import wrote to stdout and stderr, which was kept from the terminal.
    """

    candidate: Candidate
    state: PluginState
    api_requires: str = ""
    reason: str = ""
    traceback: str = ""
    providers: tuple[Provider, ...] = ()
    hooks: tuple[str, ...] = ()
    import_time_s: float = 0.0
    printed: str = ""

    @property
    def name(self) -> str:
        """The entry point's name; the module's for what cmcore itself brings."""
        return self.candidate.name

    @property
    def distribution(self) -> str:
        """The installed distribution; empty for a module that belongs to none."""
        return self.candidate.distribution

    @property
    def version(self) -> str:
        """The distribution's version."""
        return self.candidate.version

    @property
    def module(self) -> str:
        """The module that the entry point names."""
        return self.candidate.module
