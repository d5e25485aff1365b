"""What providers lead to: factories, option models and packaged specs, imported at first use. Checks no plugin."""

from __future__ import annotations

from functools import reduce
from importlib import import_module
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel

from cmcore.errors import PluginError
from cmcore.hooks.border import plugin_border
from cmcore.hooks.provider import Provider
from cmcore.hooks.status import Candidate


def factory(provider: Provider, owner: Candidate) -> object:
    """The provider's factory; raises PluginError naming the plugin and its distribution."""
    if not provider.factory:
        raise PluginError(
            f"{owner}: {provider.kind} {provider.name!r} has no factory; it is the document {provider.spec}"
        )
    return _imported(provider.factory, f"{owner}: {provider.kind} {provider.name!r}")


def options_model(provider: Provider, owner: Candidate) -> type[BaseModel] | None:
    """The model of the provider's options, None where it takes none; raises PluginError."""
    if not provider.options:
        return None
    found = _imported(provider.options, f"{owner}: options of {provider.kind} {provider.name!r}")
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise PluginError(
            f"{owner}: options {provider.options!r} of {provider.name!r} are no pydantic model: {found!r}"
        )
    return found


def spec_path(provider: Provider, owner: Candidate) -> Path:
    """The file of the provider's packaged spec; raises PluginError."""
    what = f"{owner}: the spec {provider.spec!r} of {provider.kind} {provider.name!r}"
    package, _, path = provider.spec.partition(":")
    with plugin_border(f"{what} cannot be found"):
        found = files(package) / path
    if not isinstance(found, Path) or not found.is_file():
        raise PluginError(f"{what} is not among the installed files; it must be packaged at {found}")
    return found


def _imported(path: str, what: str) -> object:
    module, _, attributes = path.partition(":")
    with plugin_border(f"{what} cannot be loaded from {path!r}"):
        return reduce(getattr, attributes.split("."), import_module(module))
