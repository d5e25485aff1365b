"""What `cm plugins` tells: rows, findings and one plugin in full, as JSON values. It prints nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from cmcore.components.library import load_spec
from cmcore.document.wording import did_you_mean
from cmcore.errors import PluginError
from cmcore.hooks.border import cause_traceback, plugin_border
from cmcore.hooks.discovery import Plugins
from cmcore.hooks.provider import Provider
from cmcore.hooks.status import PluginState, PluginStatus

SLOW_IMPORT_S = 0.2


class Severity(StrEnum):
    """Whether a finding keeps a plugin, or one of its providers, from working."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong with one plugin."""

    severity: Severity
    plugin: str
    distribution: str
    message: str
    traceback: str = ""


def list_rows(plugins: Plugins) -> list[dict[str, JsonValue]]:
    """One row for each plugin, in the order in which they are asked."""
    return [_row(status) for status in plugins.statuses]


def show(plugins: Plugins, name: str) -> dict[str, JsonValue]:
    """One plugin with its providers and the JSON Schema of their options; raises PluginError."""
    found = [status for status in plugins.statuses if status.name == name]
    if not found:
        known = [status.name for status in plugins.statuses]
        raise PluginError(f"no plugin {name!r}; installed: {', '.join(known) or 'none'}{did_you_mean(name, known)}")
    providers: list[JsonValue] = [_provider_row(plugins, provider) for provider in found[0].providers]
    return _row(found[0]) | {"providers": providers, "traceback": found[0].traceback, "printed": found[0].printed}


def doctor(plugins: Plugins, seen: Sequence[Finding] = ()) -> list[Finding]:
    """All that is wrong, broken plugins first; imports every factory and every options model to find out.

    `seen` are findings about observers, which show only while runs go on; those of plugins that are gone are left out.
    """
    names = {status.name for status in plugins.statuses}
    findings = [finding for status in plugins.statuses for finding in _findings(plugins, status)]
    findings += [finding for finding in seen if finding.plugin in names]
    return sorted(findings, key=lambda finding: finding.severity)


def _row(status: PluginStatus) -> dict[str, JsonValue]:
    return {
        "name": status.name,
        "distribution": status.distribution,
        "version": status.version,
        "module": status.module,
        "state": status.state.value,
        "reason": status.reason,
        "api_requires": status.api_requires,
        "hooks": list(status.hooks),
        "providers": [f"{provider.kind} {provider.name}" for provider in status.providers],
        "import_time_s": round(status.import_time_s, 4),
    }


def _provider_row(plugins: Plugins, provider: Provider) -> dict[str, JsonValue]:
    try:
        model = plugins.options_model(provider)
        with plugin_border(f"the options of {provider.name!r} give no JSON Schema"):
            schema: JsonValue = model.model_json_schema() if model else None
    except PluginError as error:
        schema = {"error": str(error)}
    return {**provider.model_dump(mode="json"), "options_schema": schema}


def _findings(plugins: Plugins, status: PluginStatus) -> Iterator[Finding]:
    if status.state is PluginState.BROKEN:
        yield _finding(Severity.ERROR, status, status.reason, status.traceback)
    if status.printed:
        yield _finding(Severity.WARNING, status, f"it prints when imported: {status.printed[:200]!r}")
    if status.import_time_s > SLOW_IMPORT_S:
        took = f"importing {status.module} took {status.import_time_s:.2f} s"
        yield _finding(Severity.WARNING, status, f"{took}; a plugin's module names things and imports nothing heavy")
    for provider in status.providers:
        for part in _parts(plugins, provider):
            try:
                part()
            except PluginError as error:
                yield _finding(Severity.ERROR, status, str(error), cause_traceback(error))


def _parts(plugins: Plugins, provider: Provider) -> list[Callable[[], object]]:
    """What a provider leads to, each as a call that raises PluginError where it leads nowhere."""
    leads_to = _loaded_spec if provider.spec else Plugins.load
    return [lambda: leads_to(plugins, provider), lambda: plugins.options_model(provider)]


def _loaded_spec(plugins: Plugins, provider: Provider) -> object:
    plugins.spec_path(provider)
    with plugin_border(f"{plugins.owner(provider)}: the spec of {provider.kind} {provider.name!r} does not load"):
        return load_spec(provider.spec)


def _finding(severity: Severity, status: PluginStatus, message: str, traceback: str = "") -> Finding:
    return Finding(
        severity=severity,
        plugin=status.name,
        distribution=status.distribution,
        message=message,
        traceback=traceback,
    )
