"""The plugin border: the one place where anything that a plugin raises becomes a PluginError. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from traceback import format_exception

from pydantic import ValidationError

from cmcore.errors import PluginError


@contextmanager
def plugin_border(doing: str) -> Iterator[None]:
    """Turn whatever a plugin raises into a PluginError that starts with `doing`; Ctrl-C stays what it is."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, and panics of native libraries, are no reason to die
        raise PluginError(f"{doing}: {in_one_line(error)}") from error


def in_one_line(error: BaseException) -> str:
    """The exception's type and message; of a model's errors each with its field."""
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join([error.title, *map(str, problem['loc'])])}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_url=False)
        )
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def cause_traceback(error: BaseException) -> str:
    """The traceback of what was raised inside the plugin; empty where cmcore itself found the fault."""
    return "".join(format_exception(error.__cause__)) if error.__cause__ else ""
