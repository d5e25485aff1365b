"""A mistake in the user's own Python file, told as a problem at its line. Importing the file happens elsewhere."""

from __future__ import annotations

import builtins
import re
import sysconfig
import traceback
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import FrameType

from cmcore.document.wording import closest
from cmcore.errors import CmError, DocumentError, Problem, UsageError

OURS = Path(__file__).parents[1]
STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
NOT_IMPORTED = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")


def told(error: Exception, file: Path | None) -> CmError:
    """The error as a DocumentError with its place in the user's code; other errors of cmcore stay what they are."""
    if isinstance(error, CmError) and not isinstance(error, UsageError):
        return error
    if isinstance(error, SyntaxError):
        return wrong_syntax(error, file)
    place = own_place(error)
    where = Path(place[0].f_code.co_filename) if place else file
    problem = Problem(
        message=str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}".removesuffix(": "),
        file=shown(where) if where else "",
        line=place[1] if place else 0,
        hint=hint(error, place[0] if place else None),
    )
    return DocumentError([problem])


def wrong_syntax(error: SyntaxError, file: Path | None) -> DocumentError:
    """Text that is no Python, at its line and column."""
    where = error.filename or str(file or "")
    return DocumentError([Problem(message=error.msg, file=where, line=error.lineno or 0, column=error.offset or 0)])


def own_place(error: Exception) -> tuple[FrameType, int] | None:
    """The innermost frame of the user's own code, and its line; None where there is no such frame."""
    found = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if is_own(frame)]
    return found[-1] if found else None


def is_own(frame: FrameType) -> bool:
    """Whether code is neither cmcore's, nor installed, nor Python's."""
    file = Path(frame.f_code.co_filename)
    foreign = file.is_relative_to(OURS) or file.is_relative_to(STANDARD_LIBRARY) or "site-packages" in file.parts
    return not foreign and not file.name.startswith("<")


def shown(file: Path) -> str:
    """A file as one would type it here."""
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)


def hint(error: Exception, frame: FrameType | None) -> str:
    """Which name was probably meant, as Python's own tracebacks say it; empty where none is close."""
    match error:
        case AttributeError(name=str(name), obj=obj) if obj is not None:
            return closest(name, public(dir(obj)))
        case NameError(name=str(name)) if frame is not None:
            return closest(name, {**frame.f_globals, **frame.f_locals, **vars(builtins)})
        case ImportError() if found := NOT_IMPORTED.match(str(error)):
            return closest(found[1], public(dir(import_module(found[2]))))
        case _:
            return ""


def public(names: Iterable[str]) -> list[str]:
    """The names that are meant for others."""
    return [name for name in names if not name.startswith("_")]
