"""A private server of a serving backend: the same binary and options as production's, another place, gone afterwards.

How a server is started is the backend's business, what is asked of it `trial`'s and `profiling`'s.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pydantic import JsonValue, ValidationError

from cmcore.components.spec import first_error
from cmcore.errors import ConfigError, ServingError
from cmcore.hooks.discovery import Plugins
from cmcore.sandbox import guard
from cmcore.serving.backend import Capabilities, Flavor, ServingBackend

PLACE = re.compile(r"(^|_)(urls?|address(es)?|hosts?|ports?|repository|folder)$")
REMOTE = re.compile(r"(^|_)(urls?|address(es)?)$")
GUARD_S = 60.0

_starting = threading.Lock()  # the mark is in the environment of the whole process while a server is started


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A backend whose server answers. `private`: nobody else uses it, so what happens there is the model's doing."""

    backend: ServingBackend
    provider: str
    plugin: str
    able: Capabilities
    private: bool
    token: str

    def start(self) -> None:
        """Have the server again, after it died; raises ServingError."""
        if self.private:
            with marking(self.token):
                self.backend.start()

    def recovers(self) -> bool:
        """Whether a private server that stopped answering comes back without the model: then it was the model."""
        if not self.private:
            return False
        try:
            self.start()
        except ServingError:
            return False
        return True


@contextmanager
def sandbox(
    plugins: Plugins, name: str, options: Mapping[str, JsonValue], *, beside: bool = False
) -> Iterator[Sandbox]:
    """A private server of the backend, stopped at the end of the block and also where this process is killed in it.

    `options` are production's; what they say of a place (URLs, ports, repository) gives way to one of its own. Where
    production is a server by URL, its binary cannot be copied: with `beside` the model is loaded there, beside what is
    served, under a name of its own; without, ConfigError. Raises ServingError where no server can be had.
    """
    provider = plugins.provider("serving", name)
    check_options(plugins, name, options)
    remote = sorted(key for key, value in options.items() if REMOTE.search(key) and value)
    if remote and not beside:
        raise ConfigError(
            f"production's {name} is a server by URL ({remote[0]}: {options[remote[0]]}), which cannot be copied. Set "
            "`beside: true` to load the model there beside what is served, or give `options` of a local server"
        )
    made = cast(Callable[..., ServingBackend], plugins.load(provider))
    with guarded() as (token, folder):
        backend = made(folder, **(options if remote else own(options)))
        try:
            if not remote:
                with marking(token):
                    backend.start()
            yield Sandbox(
                backend=backend,
                provider=name,
                plugin=distribution(plugins, "serving", name),
                able=backend.capabilities(),
                private=not remote,
                token=token,
            )
        finally:
            put_away(backend, stop=not remote)


def own(options: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Options without what they say of a place, so that the backend takes a free one in its own folder. Pure."""
    return {key: value for key, value in options.items() if not PLACE.search(key)}


def check_options(plugins: Plugins, name: str, options: Mapping[str, JsonValue]) -> None:
    """Raise ConfigError for options that the backend does not take."""
    model = plugins.options_model(plugins.provider("serving", name))
    if model is None:
        return
    try:
        model.model_validate(dict(options))
    except ValidationError as error:
        raise ConfigError(f"options of the serving backend {name!r}: {first_error(error)}") from error


def distribution(plugins: Plugins, kind: str, name: str) -> str:
    """The installed distribution that gives a provider, with its version."""
    owner = plugins.owner(plugins.provider(kind, name))
    return f"{owner.distribution} {owner.version}".strip() or owner.module


def flavors(plugins: Plugins) -> list[Flavor]:
    """The flavors that installed plugins can run."""
    return [Flavor(name=provider.name, factory=provider.factory) for provider in plugins.providers("flavor")]


def put_away(backend: ServingBackend, *, stop: bool) -> None:
    """Stop and close; what cannot be stopped so, the guard ends."""
    with suppress(ServingError):
        if stop:
            backend.stop()
    with suppress(ServingError):
        backend.close()


@contextmanager
def guarded() -> Iterator[tuple[str, Path]]:
    """A token and a folder: at the end, whatever happens, no process is marked with the one and the other is gone."""
    token = uuid.uuid4().hex
    folder = Path(tempfile.mkdtemp(prefix="cm-"))  # short: servers make sockets below it
    watching = subprocess.Popen(  # noqa: S603 # this very Python, a file of this package, no words of others
        [sys.executable, "-I", str(Path(guard.__file__)), token, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a signal to this process's group must not end it
    )
    try:
        yield token, folder
    finally:
        watching.communicate(timeout=GUARD_S)


@contextmanager
def marking(token: str) -> Iterator[None]:
    """Let every process that is started in the block carry the token."""
    with _starting:
        before = os.environ.get(guard.VARIABLE)
        os.environ[guard.VARIABLE] = token
        try:
            yield
        finally:
            if before is None:
                del os.environ[guard.VARIABLE]
            else:
                os.environ[guard.VARIABLE] = before
