"""Whether an object can be imported again, and under which name; if not, why and what to do.

Only names are looked at: nothing here imports.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

from cmcore.errors import UsageError

MAIN = "__main__"
ADVICE = "define it with def or class at the top level of a module"


def importable_name(obj: object) -> tuple[str, str]:
    """Module and qualified name of a function, class or method; raises UsageError if they cannot import it again."""
    if isinstance(obj, functools.partial):
        raise UsageError(
            f"{obj!r} is a functools.partial, which has no name to import; write a function that fixes the "
            f"arguments, or make them parameters"
        )
    if callable(obj):
        obj = inspect.unwrap(obj)  # functools.wraps and lru_cache keep the name of what they wrap
    if not isinstance(obj, (FunctionType, BuiltinFunctionType, MethodType, type)):
        raise UsageError(f"{obj!r} is an instance of {type(obj).__name__}, which has no name to import; {ADVICE}")
    if inspect.ismethod(obj) and not isinstance(obj.__self__, type):
        raise UsageError(
            f"{obj.__qualname__!r} is bound to an instance, which cannot be imported; name the function "
            f"{obj.__qualname__!r} of its class, or write a function that makes the instance"
        )
    module, qualname = str(obj.__module__), obj.__qualname__
    if "<lambda>" in qualname:
        raise UsageError(f"a lambda of module {module!r} has no name to import; {ADVICE}")
    if "<locals>" in qualname:
        outer = qualname.split(".<locals>")[0]
        raise UsageError(f"{qualname!r} lives inside {outer!r} and cannot be imported from module {module!r}; {ADVICE}")
    _check_binding(obj, module, qualname)
    return module, qualname


def _check_binding(obj: object, module: str, qualname: str) -> None:
    """A name that a decorator bound to another kind of object is trusted; so is one whose module is not through yet."""
    loaded = sys.modules.get(module)
    if loaded is None or module == MAIN or _still_importing(loaded):
        return
    try:
        found = attrgetter(qualname)(loaded)
    except AttributeError as error:
        raise UsageError(
            f"module {module!r} has no {qualname!r}, so it cannot be imported again; bind it to its own name there"
        ) from error
    if isinstance(found, (FunctionType, type)) and inspect.unwrap(found) is not inspect.unwrap(obj):  # type: ignore[arg-type]  # importable_name lets only callables through
        raise UsageError(f"{module}:{qualname} is now another object ({found!r}); give each its own name")


def _still_importing(module: ModuleType) -> bool:
    return bool(getattr(module.__spec__, "_initializing", False))


def main_module_name(main: ModuleType, roots: Sequence[str]) -> str:
    """The name that imports the running program again: of `python -m` itself, of a script its path below a root."""
    if (spec := main.__spec__) is not None:
        return spec.name
    file = getattr(main, "__file__", None)
    if file is None:
        raise UsageError(
            "the main program has no file (a notebook or an interactive session), so what it defines cannot be "
            "imported by another process; move it to a module"
        )
    script = Path(file).resolve()
    folders = [Path(root).resolve() for root in (roots or sys.path)]
    below = [script.relative_to(folder).with_suffix("").parts for folder in folders if script.is_relative_to(folder)]
    name = min(below, key=len, default=())
    if not name or script.suffix != ".py" or name == (MAIN,) or any("." in part for part in name):
        raise UsageError(
            f"the main program {script} cannot be imported from {', '.join(map(str, folders)) or 'anywhere'}; "
            f"move what it defines to a module (a .py file) under one of these folders"
        )
    return ".".join(name)
