"""The hooks of cmcore, one docstring each: this file is the plugin API. Finding and calling plugins is elsewhere.

A plugin is one light module that an entry point of the group `cmcore` names. It says which API it was written
for and implements some of the hooks below:

    from cmcore.hooks import Provider, hookimpl

    CMCORE_API = ">=1.0,<2"

    @hookimpl
    def cmcore_providers() -> list[Provider]:
        return [Provider(kind="launcher", name="ray", factory="cmcore_ray.launcher:RayLauncher",
                         options="cmcore_ray.options:RayOptions", summary="Executions as Ray tasks")]

An implementation may leave out arguments that it does not need. Minor versions add hooks and arguments,
major versions may take them away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pluggy import HookimplMarker, HookspecMarker
from pydantic import JsonValue

from cmcore.events import Event
from cmcore.hooks.provider import Provider

API_VERSION = "1.0"
GROUP = "cmcore"
API_ATTRIBUTE = "CMCORE_API"

hookspec = HookspecMarker(GROUP)
hookimpl = HookimplMarker(GROUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A run that is about to start: its plan in short, with secrets as references."""

    run: str
    pipeline: str
    project: str = ""
    actor: str = ""
    parameters: Mapping[str, JsonValue]
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionRequest:
    """A promotion that policy, approvals and gates would allow: what is to take an environment over from what."""

    model: str
    version: str
    environment: str
    replaces: str = ""
    actor: str = ""
    reason: str = ""
    metrics: Mapping[str, float]
    properties: Mapping[str, JsonValue]


@hookspec
def cmcore_providers() -> list[Provider]:  # type: ignore[empty-body]  # pluggy wants the signature only
    """What this plugin gives: named things that documents refer to.

    Called once per process that needs plugins, right after the module was imported; must be quick and import
    nothing heavy. All plugins' answers are joined; a name that another plugin already has, an answer of
    another type or an exception makes the whole plugin broken, and the others go on.
    """


@hookspec
def cmcore_event(event: Event) -> None:
    """Observe one event of the project's log; `event.kind` says what happened.

    Called for every event in the order of the log, in a thread of this plugin's own, never two calls at once.
    Delivery is at least once: after a kill the last events come again, with the same `seq`. A newly installed
    plugin is given the log from its beginning; `event.at` tells old from new. The return value is ignored.
    What is raised is reported with the plugin's name and the event counts as dropped; a call that outlives
    its deadline is abandoned, and the plugin gets the events after it in the next process.
    """


@hookspec(firstresult=True)
def cmcore_run_refusal(request: RunRequest) -> str | None:
    """Why this run may not start, or None where this plugin does not mind.

    Called once before a run starts or is resumed, in the driver, from one thread; nothing has been recorded
    yet. Plugins are asked in the order of their names and the first reason wins. It fails closed: an exception
    or an answer of another type refuses the run too, with the plugin's name. A plugin that is broken is not
    asked; where that must not happen, run with strict plugins.
    """


@hookspec(firstresult=True)
def cmcore_promotion_refusal(request: PromotionRequest) -> str | None:
    """Why this version may not be promoted, or None where this plugin does not mind.

    Called once per promotion, in the operator's process, after the registry's own policy found nothing against it;
    nothing has been changed yet. Order of plugins, exceptions and broken plugins: as for `cmcore_run_refusal`.
    """
