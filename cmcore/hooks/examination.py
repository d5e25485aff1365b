"""Examining one plugin: import, API fence, hooks, providers. How plugins get along is `cmcore.hooks.discovery`."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from importlib import import_module
from inspect import isasyncgenfunction, iscoroutinefunction, isfunction, isgeneratorfunction
from time import perf_counter
from types import ModuleType

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pluggy import HookImpl, PluginManager, PluginValidationError

from cmcore.document.wording import did_you_mean
from cmcore.errors import PluginError
from cmcore.hooks import specs
from cmcore.hooks.border import cause_traceback, plugin_border
from cmcore.hooks.provider import Provider
from cmcore.hooks.specs import API_ATTRIBUTE, API_VERSION, GROUP
from cmcore.hooks.status import Candidate, PluginState, PluginStatus

MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
COMPATIBLE = f">={API_VERSION},<{int(API_VERSION.partition('.')[0]) + 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCall:
    """One plugin's implementation of one hook, called with all arguments of the hook."""

    function: Callable[..., object]
    positional: tuple[str, ...]
    with_default: tuple[str, ...]

    def __call__(self, **arguments: object) -> object:
        """Pass on what the implementation asks for."""
        by_name = {name: arguments[name] for name in self.with_default}
        return self.function(*[arguments[name] for name in self.positional], **by_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A plugin after its examination: its status, and how its hooks are called (none of a broken one)."""

    status: PluginStatus
    calls: Mapping[str, HookCall]

    def broken(self, reason: str, traceback: str = "") -> Plugin:
        """This plugin, which takes no part because of `reason`."""
        status = replace(self.status, state=PluginState.BROKEN, reason=reason, traceback=traceback, providers=())
        return Plugin(status=status, calls={})


def examine(candidate: Candidate) -> Plugin:
    """Import a plugin's module and check it; never raises for what the plugin does, Ctrl-C apart."""
    status = PluginStatus(candidate=candidate, state=PluginState.OK)
    printed = io.StringIO()
    calls: dict[str, HookCall] = {}
    started_s = perf_counter()
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            module = imported(candidate)
            status = replace(status, import_time_s=perf_counter() - started_s)
            status = replace(status, api_requires=fitting_api(module))
            calls = hook_calls(module)
            status = replace(status, hooks=tuple(sorted(calls)), providers=given_providers(calls))
    except PluginError as error:
        broken = Plugin(status=replace(status, printed=printed.getvalue()), calls={})
        return broken.broken(str(error), cause_traceback(error))
    return Plugin(status=replace(status, printed=printed.getvalue()), calls=calls)


def imported(candidate: Candidate) -> ModuleType:
    """The plugin's module; raises PluginError."""
    if not MODULE.fullmatch(candidate.module):
        raise PluginError(
            f"its entry point is {candidate.module!r}, which is no module; "
            f'write {candidate.name} = "package.plugin" under [project.entry-points.{GROUP}]'
        )
    with plugin_border(f"importing {candidate.module} failed"):
        return import_module(candidate.module)


def fitting_api(module: ModuleType) -> str:
    """The versions of the plugin API that the module was written for; raises PluginError unless ours is one."""
    advice = f'write {API_ATTRIBUTE} = "{COMPATIBLE}" in {module.__name__}'
    requires = vars(module).get(API_ATTRIBUTE)
    if not isinstance(requires, str) or not requires.strip():
        raise PluginError(f"{API_ATTRIBUTE} is {requires!r}, which names no versions of the plugin API; {advice}")
    try:
        fits = SpecifierSet(requires).contains(API_VERSION)
    except InvalidSpecifier as error:
        raise PluginError(f"{API_ATTRIBUTE} is {requires!r}, which is no version specifier; {advice}") from error
    if not fits:
        raise PluginError(
            f"it was written for plugin API {requires}, and this cmcore has {API_VERSION}; "
            "install a release of the plugin that fits this cmcore, or the cmcore that it wants"
        )
    return requires


def hook_calls(module: ModuleType) -> dict[str, HookCall]:
    """The module's implementations by hook; raises PluginError for any that would never be called as meant."""
    # A pluggy manager for each plugin: what fails to register leaves nothing behind in the others
    manager = PluginManager(GROUP)
    manager.add_hookspecs(specs)
    known = [name for name in vars(specs) if name.startswith("cmcore_")]
    try:
        manager.register(module)
    except PluginValidationError as error:
        raise PluginError(" ".join(str(error).split())) from error
    callers = manager.get_hookcallers(module) or []
    calls = {
        caller.name: _hook_call(caller.name, impl, known)
        for caller in callers
        for impl in caller.get_hookimpls()
        if caller.has_spec() or not impl.optionalhook
    }
    unmarked = [name for name in vars(module) if name in known and isfunction(vars(module)[name]) and name not in calls]
    if unmarked:
        raise PluginError(f"{unmarked[0]} is not marked; put @hookimpl (cmcore.hooks) before it")
    if not calls:
        raise PluginError(f"{module.__name__} implements no hook; there are {', '.join(known)}")
    return calls


def _hook_call(name: str, impl: HookImpl, known: list[str]) -> HookCall:
    if name not in known:
        raise PluginError(f"there is no hook {name!r}{did_you_mean(name, known)} Hooks: {', '.join(known)}")
    function = impl.function
    if impl.wrapper or impl.hookwrapper:
        raise PluginError(f"{name} is a wrapper, and cmcore's hooks take none; return a value")
    if iscoroutinefunction(function) or isgeneratorfunction(function) or isasyncgenfunction(function):
        raise PluginError(f"{name} is a coroutine or generator, which would never run; make it a plain function")
    return HookCall(function=function, positional=tuple(impl.argnames), with_default=tuple(impl.kwargnames))


def given_providers(calls: Mapping[str, HookCall]) -> tuple[Provider, ...]:
    """What the plugin says that it gives; raises PluginError."""
    if "cmcore_providers" not in calls:
        return ()
    with plugin_border("cmcore_providers failed"):
        given = calls["cmcore_providers"]()
    if not isinstance(given, list | tuple):
        raise PluginError(f"cmcore_providers returned a {type(given).__name__}; it must return a list of Provider")
    strangers = [item for item in given if not isinstance(item, Provider)]
    if strangers:
        raise PluginError(
            f"cmcore_providers returned a {type(strangers[0]).__name__} in its list; each must be a Provider"
        )
    return tuple(given)
