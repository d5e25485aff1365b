"""Who takes part: names that two plugins claim, allow and deny lists. Pure; nothing is imported or called."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.utils import canonicalize_name

from cmcore.hooks.examination import Plugin
from cmcore.hooks.status import Candidate, PluginState, PluginStatus


def settle_claims(plugins: Sequence[Plugin]) -> tuple[Plugin, ...]:
    """Whoever comes first keeps a provider's name; a plugin that claims a taken one is broken as a whole."""
    taken: dict[tuple[str, str], Candidate] = {}
    settled: list[Plugin] = []
    for plugin in plugins:
        own = [(provider.kind, provider.name) for provider in plugin.status.providers]
        clashes = [
            f"{kind} {name!r} is already given by {taken.get((kind, name), 'this same plugin')}"
            for number, (kind, name) in enumerate(own)
            if (kind, name) in taken or (kind, name) in own[:number]
        ]
        if clashes:
            settled.append(plugin.broken(f"{'; '.join(clashes)}. Uninstall one, or put one on the deny list"))
        else:
            taken |= dict.fromkeys(own, plugin.status.candidate)
            settled.append(plugin)
    return tuple(settled)


def shadowed(candidates: Sequence[Candidate]) -> dict[Candidate, PluginStatus]:
    """Those whose plugin name an earlier one has."""
    first: dict[str, Candidate] = {}
    for candidate in candidates:
        first.setdefault(candidate.name, candidate)
    return {
        candidate: PluginStatus(
            candidate=candidate,
            state=PluginState.BROKEN,
            reason=f"the plugin name {candidate.name!r} is taken by {first[candidate.name]}; "
            f"uninstall {candidate.distribution} or {first[candidate.name].distribution}",
        )
        for candidate in candidates
        if first[candidate.name] != candidate
    }


def disabled(
    candidates: Sequence[Candidate], *, allow: Sequence[str] | None, deny: Sequence[str]
) -> dict[Candidate, PluginStatus]:
    """Those that the lists leave out, by name of plugin or distribution."""
    reasons = {candidate: _listing(candidate, allow=allow, deny=deny) for candidate in candidates}
    return {
        candidate: PluginStatus(candidate=candidate, state=PluginState.DISABLED, reason=reason)
        for candidate, reason in reasons.items()
        if reason
    }


def _listing(candidate: Candidate, *, allow: Sequence[str] | None, deny: Sequence[str]) -> str:
    names = {canonicalize_name(candidate.name), canonicalize_name(candidate.distribution)}
    if names & {canonicalize_name(name) for name in deny}:
        return "on the deny list"
    return "" if allow is None or names & {canonicalize_name(name) for name in allow} else "not on the allow list"
