"""Plugins: those that take part, those that are broken and why, and what they give. Examining one is elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Self

from pydantic import BaseModel

from cmcore.document.wording import did_you_mean
from cmcore.errors import PluginError
from cmcore.hooks import loading
from cmcore.hooks.border import plugin_border
from cmcore.hooks.claims import disabled, settle_claims, shadowed
from cmcore.hooks.deadline import Observer
from cmcore.hooks.examination import Plugin, examine
from cmcore.hooks.installed import builtin_candidates, installed_candidates
from cmcore.hooks.provider import KINDS, Kind, Provider
from cmcore.hooks.specs import PromotionRequest, RunRequest
from cmcore.hooks.status import Candidate, PluginState, PluginStatus


class Plugins:
    """All plugins of this process after discovery, what cmcore brings first, then in order of name."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._plugins = tuple(plugins)
        self.statuses: tuple[PluginStatus, ...] = tuple(plugin.status for plugin in plugins)
        self._owners = {
            (provider.kind, provider.name): (provider, status.candidate)
            for status in self.statuses
            for provider in status.providers
        }

    @classmethod
    def discover(
        cls,
        *,
        builtin: Sequence[ModuleType | str],
        allow: Sequence[str] | None = None,
        deny: Sequence[str] = (),
        strict: bool = False,
    ) -> Self:
        """Find, import and check all plugins; a broken one is listed and the others go on.

        `allow` and `deny` hold names of plugins or distributions; what they leave out is not imported, and what
        cmcore brings is not theirs to leave out. With `strict` a broken plugin raises PluginError, which names all.
        """
        own = builtin_candidates(builtin)
        candidates = (*own, *installed_candidates())
        refused = disabled(candidates[len(own) :], allow=allow, deny=deny)
        refused |= shadowed([candidate for candidate in candidates if candidate not in refused])
        plugins = [
            Plugin(status=refused[candidate], calls={}) if candidate in refused else examine(candidate)
            for candidate in candidates
        ]
        found = cls(settle_claims(plugins))
        if strict:
            found._raise_if_broken()
        return found

    @property
    def broken(self) -> tuple[PluginStatus, ...]:
        """The plugins that should take part and cannot."""
        return tuple(status for status in self.statuses if status.state is PluginState.BROKEN)

    def _raise_if_broken(self) -> None:
        if self.broken:
            lines = [f"  {status.candidate}: {status.reason}" for status in self.broken]
            raise PluginError("\n".join([f"{len(lines)} broken, and plugins are strict:", *lines]))

    def providers(self, kind: str | None = None) -> tuple[Provider, ...]:
        """What the plugins give, of one kind or of all, in order of kind and name."""
        found = [provider for provider, _ in self._owners.values() if kind in (None, provider.kind)]
        return tuple(sorted(found, key=lambda provider: (provider.kind, provider.name)))

    def provider(self, kind: str, name: str) -> Provider:
        """One provider; raises PluginError with what there is instead."""
        return self._owned(kind, name)[0]

    def owner(self, provider: Provider) -> Candidate:
        """The plugin that gives this provider; raises PluginError."""
        return self._owned(provider.kind, provider.name)[1]

    def load(self, provider: Provider) -> object:
        """The provider's factory, imported at first use; raises PluginError naming plugin and distribution."""
        return loading.factory(provider, self.owner(provider))

    def options_model(self, provider: Provider) -> type[BaseModel] | None:
        """The pydantic model of its options, None where it takes none; raises PluginError."""
        return loading.options_model(provider, self.owner(provider))

    def spec_path(self, provider: Provider) -> Path:
        """The file of a component's packaged spec; raises PluginError."""
        return loading.spec_path(provider, self.owner(provider))

    def refusal(self, request: RunRequest) -> str | None:
        """Why the run may not start, naming the plugin that says so; None where none minds. Fails closed."""
        for plugin in self._plugins:
            reason = _refusal(plugin, "cmcore_run_refusal", request)
            if reason is not None:
                what = f"run {request.run!r}" if request.run else "a new run"
                return f"{plugin.status.candidate} refuses {what}: {reason}"
        return None

    def promotion_refusal(self, request: PromotionRequest) -> str | None:
        """Why the version may not be promoted, naming the plugin that says so; None where none minds. Fails closed."""
        for plugin in self._plugins:
            reason = _refusal(plugin, "cmcore_promotion_refusal", request)
            if reason is not None:
                what = f"{request.model}@{request.version} for {request.environment}"
                return f"{plugin.status.candidate} refuses {what}: {reason}"
        return None

    def observers(self) -> tuple[Observer, ...]:
        """The plugins that want to see events."""
        return tuple(
            Observer(
                plugin=plugin.status.name, distribution=plugin.status.distribution, call=plugin.calls["cmcore_event"]
            )
            for plugin in self._plugins
            if "cmcore_event" in plugin.calls
        )

    def _owned(self, kind: str, name: str) -> tuple[Provider, Candidate]:
        if (kind, name) not in self._owners:
            raise PluginError(self._missing(kind, name))
        return self._owners[kind, name]

    def _missing(self, kind: str, name: str) -> str:
        known = [known.value for known in Kind]
        if kind not in known:
            return f"plugins give no kind {kind!r}{did_you_mean(kind, known)} Kinds: {', '.join(known)}"
        installed = [provider.name for provider in self.providers(kind)]
        hint = did_you_mean(name, installed)
        suspects = [f"{status.candidate}: {status.reason}" for status in self.broken]
        parts = [
            f"no plugin gives {kind} {name!r}; installed: {', '.join(installed) or 'none'}{hint}",
            *(["Broken plugins that might: " + "; ".join(suspects) + " (see `cm plugins doctor`)"] if suspects else []),
            *([f"Try: pip install cmcore-{name}"] if KINDS[Kind(kind)].is_backend and not hint else []),
        ]
        return ". ".join(parts)


def _refusal(plugin: Plugin, hook: str, request: RunRequest | PromotionRequest) -> str | None:
    if hook not in plugin.calls:
        return None
    try:
        with plugin_border(f"{hook} failed"):
            answer = plugin.calls[hook](request=request)
    except PluginError as error:
        return str(error)
    if answer is None or isinstance(answer, str):
        return answer
    return f"{hook} returned a {type(answer).__name__}; it must return a reason or None"
